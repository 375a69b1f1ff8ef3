"""What a page can do to have its visitor's browser send a message somewhere.

Each script has `url`, where to, and `message`, what; its value, or what its Promise comes to,
is what the page learns.
"""

from __future__ import annotations

__all__ = ["ASKED", "PREAMBLE", "UNASKED", "WEBSOCKET"]

PREAMBLE = """
const query = url + '?' + encodeURIComponent(message);
const json = {'Content-Type': 'application/json'};
const post = (options) => fetch(url, {method: 'POST', body: message, ...options})
    .then(answer => answer.text(), error => 'failed');
const add = (name, attributes) => {
    const element = Object.assign(document.createElement(name), attributes);
    document.body.append(element);
    return element;
};
const form = (attributes) => {
    add('iframe', {name: 'hidden'});
    const sent = add('form', {method: 'POST', action: url, target: 'hidden', ...attributes});
    const cut = message.lastIndexOf('"');
    sent.append(Object.assign(document.createElement('input'),
        {name: message.slice(0, cut), value: message.slice(cut)}));
    sent.submit();
};
"""

ASKED = {
    "json": "post({headers: json})",
    "json with credentials": "post({headers: json, credentials: 'include'})",
    "json that outlives the page": "post({headers: json, keepalive: true})",
    "XMLHttpRequest": """new Promise(resolve => {
        const request = new XMLHttpRequest();
        request.open('POST', url);
        request.setRequestHeader('Content-Type', 'application/json');
        request.onloadend = () => resolve(request.responseText || 'failed');
        request.send(message);
    })""",
    "beacon of json": """
        void navigator.sendBeacon(url, new Blob([message], {type: 'application/json'}))
    """,
}
"""Calls as they should be: a listed page may make them, once its browser has asked."""

WEBSOCKET = {
    "WebSocket": """new Promise(resolve => {
        const socket = new WebSocket(url.replace('http', 'ws'));
        socket.onopen = () => socket.send(message);
        socket.onmessage = event => { socket.close(); resolve(event.data); };
        socket.onerror = () => resolve('failed');
    })""",
}
"""For this no browser asks; the server has to look who it is."""

UNASKED = {
    "text": "post({})",
    "text without CORS": "post({mode: 'no-cors'})",
    "bytes of no type": "post({mode: 'no-cors', body: new Blob([message])})",
    "text that outlives the page": "post({mode: 'no-cors', keepalive: true})",
    "text with credentials": "post({mode: 'no-cors', credentials: 'include'})",
    "text by XMLHttpRequest": """new Promise(resolve => {
        const request = new XMLHttpRequest();
        request.open('POST', url);
        request.onloadend = () => resolve(request.responseText || 'failed');
        request.send(message);
    })""",
    "beacon": "void navigator.sendBeacon(url, message)",
    "beacon without a type": "void navigator.sendBeacon(url, new Blob([message]))",
    "form": "form({enctype: 'text/plain'})",
    "image": "void add('img', {src: query})",
    "script": "void add('script', {src: query})",
    "frame": "void add('iframe', {src: query})",
    "sandboxed frame": """new Promise(resolve => {
        const options = {method: 'POST', mode: 'no-cors', body: message};
        window.onmessage = event => resolve(event.data);
        add('iframe', {sandbox: 'allow-scripts', srcdoc: `<script>
            fetch(${JSON.stringify(url)}, ${JSON.stringify(options)})
                .then(answer => answer.text(), error => 'failed')
                .then(text => parent.postMessage(text, '*'));
        </${'script'}>`});
    })""",
    "EventSource": "void (window.source = new EventSource(query))",
    "form that leaves the page": "form({enctype: 'text/plain', target: '_self'})",
}
"""Requests that a browser sends without asking; the last one ends the visit."""
