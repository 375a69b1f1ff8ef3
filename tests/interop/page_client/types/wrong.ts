// What `tsc --strict` has to refuse: a line without an error fails as well.

import {connect, RPCError} from './client.js';

const client = connect('/');
// @ts-expect-error
connect(5);
// @ts-expect-error
connect('/', {timeuot: 5});
// @ts-expect-error
connect('/', {auth: {user: 'ann'}});
// @ts-expect-error
connect('/', {offline: {whenFull: 'explode'}});
// @ts-expect-error
client.call('x', 5);
// @ts-expect-error
client.call('x', [], {timeout: '5'});
// @ts-expect-error
client.call<number>('x').then((value) => value.length);
// @ts-expect-error
client.state = 'closed';
// @ts-expect-error
client.onstate = (state: 'open') => state;
// @ts-expect-error
client.on('x', 'no function');
// @ts-expect-error
client.expose('x');
// @ts-expect-error
client.notify();
// @ts-expect-error
client.nothing();
// @ts-expect-error
new RPCError('text', 'message');
