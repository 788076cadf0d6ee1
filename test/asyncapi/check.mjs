// Run by `npm run verify`: whether the generated AsyncAPI document is one, by the reference parser.
import { Parser } from '@asyncapi/parser';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Of a diagnostic: an error or a warning. What is less, the advice to write AsyncAPI 3.1 for one, is none of it. */
const WARNING = 1;

const file = fileURLToPath(new URL('../../contracts/generated/asyncapi.json', import.meta.url));
const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'));
const wrong = diagnostics.filter(({ severity }) => severity <= WARNING);
for (const { path, message } of wrong) process.stderr.write(`asyncapi.json: ${path.join('.')}: ${message}\n`);
if (document === undefined || wrong.length > 0) process.exitCode = 1;
