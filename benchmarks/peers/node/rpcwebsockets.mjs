// rpc-websockets: node rpcwebsockets.mjs websocket PORT
import { Server } from "rpc-websockets";

const server = new Server({ host: "127.0.0.1", port: Number(process.argv[3]) });
server.event("news");
server.register("calc.add", ([a, b]) => a + b);
server.register("calc.echo", ([text]) => text);
server.register("news.publish", ([count, params]) => {
  for (let i = 0; i < count; i++) server.emit("news", params);
  return count;
});
