// Copies what the console's page is made with out of node_modules into the package.
//
//     node vendor/copy.mjs [FOLDER]
//
// A browser finds the files by relative paths: an import map would have to stand in the page,
// where the Content-Security-Policy lets no script stand.

import {copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGES = join(HERE, 'node_modules');
const FOLDER = process.argv[2] ?? join(HERE, '../twisted_rpc/pages/static/console/vendor');

const read = (path) => readFileSync(join(PACKAGES, path), 'utf8');
const version = (name) => JSON.parse(read(`${name}/package.json`)).version;

/** Write a module under a line that says what it is, without the map that is not copied. */
function write(file, name, text) {
  const head = `// ${name} ${version(name)}; its licence is in LICENSE-${name}.txt.\n`;
  writeFileSync(join(FOLDER, file), head + text.replace(/\n?\/\/# sourceMappingURL=.*\n?/, '\n'));
}

rmSync(FOLDER, {recursive: true, force: true});
mkdirSync(FOLDER, {recursive: true});
write('preact.js', 'preact', read('preact/dist/preact.mjs'));
write('hooks.js', 'preact',
  read('preact/hooks/dist/hooks.mjs').replace('from"preact"', 'from"./preact.js"'));
write('htm.js', 'htm', `${read('htm/dist/htm.module.js').trimEnd()}\n`);
// The only small form of uPlot is a script, which leaves its name to whoever is behind it.
write('uplot.js', 'uplot', `${read('uplot/dist/uPlot.iife.min.js').trimEnd()}\nexport default uPlot;\n`);
copyFileSync(join(PACKAGES, 'uplot/dist/uPlot.min.css'), join(FOLDER, 'uplot.css'));
for (const name of ['preact', 'htm', 'uplot']) {
  copyFileSync(join(PACKAGES, name, 'LICENSE'), join(FOLDER, `LICENSE-${name}.txt`));
}
