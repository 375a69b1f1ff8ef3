/** Shows one part; `window.part` lets a test see and change what it is given. */

import {parse, stringify} from './console/exact.js';
import {html} from './console/html.js';
import {render} from './console/vendor/preact.js';

const place = document.getElementById('part');

/** A method's form beside its text. */
async function form({method, document: described, text}) {
  const {MethodForm} = await import('./console/form.js');
  const found = described.methods.find(({name}) => name === method);
  const show = () => {
    const value = part.text === '' ? undefined : parse(part.text);
    render(html`<${MethodForm} method=${found} document=${described} value=${value} onChange=${change} />`, place);
  };
  const change = (value) => {
    part.text = value === undefined ? '' : stringify(value);
    show();
  };
  part.text = text;
  part.set = (other) => {
    part.text = other;
    show();
  };
  show();
}

async function editor({text, error}) {
  const {JSONEditor} = await import('./console/editor.js');
  part.text = text;
  const show = () => render(html`<${JSONEditor} text=${part.text} label="Parameters" error=${error} onChange=${change} />`, place);
  const change = (other) => {
    part.text = other;
    show();
  };
  show();
}

async function json({text}) {
  const {JSONView} = await import('./console/json.js');
  render(html`<${JSONView} value=${parse(text)} label="the result" />`, place);
}

async function snippets({request}) {
  const {Snippets} = await import('./console/snippets.js');
  render(html`<${Snippets} request=${request} />`, place);
}

async function charts({address}) {
  const {Charts} = await import('./console/charts.js');
  const load = async () => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`/metrics answers ${answer.status}`);
    return answer.text();
  };
  render(html`<${Charts} load=${load} />`, place);
}

async function connections() {
  const {connect} = await import('/client.js');
  const {Connections} = await import('./console/connections.js');
  render(html`<${Connections} client=${connect('/rpc')} />`, place);
}

const part = {
  show: (name, given) => ({form, editor, json, snippets, charts, connections})[name](given),
  remove: () => render(null, place),
};
window.part = part;
