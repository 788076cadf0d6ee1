// node test/golden/pick-streams.mjs VERSION EXPORT...: see README.md beside this file.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));

/** `case/CaseOpened.v1`, as contracts/released names it. */
const nameOf = ({ category, type, schemaVersion }) => `events/${category}/${type}.v${schemaVersion}`;

function main([version, ...exports]) {
  if (version === undefined || exports.length === 0) throw new Error('usage: pick-streams.mjs VERSION EXPORT...');
  const streams = wholeStreams(exports.flatMap(eventsIn));
  const wanted = wantedTypes(version);
  const picked = pick(streams, wanted);
  for (const [category, events] of groupBy(picked.flat(), ({ category }) => category)) {
    mkdirSync(join(folder, version), { recursive: true });
    const lines = events.map((event) => `${JSON.stringify(event)}\n`);
    writeFileSync(join(folder, version, `${category}.ndjson`), lines.join(''));
  }
  process.stdout.write(`${version}: ${picked.length} streams, ${picked.flat().length} events\n`);
  if (wanted.size === 0) return;
  process.stdout.write(`in none of the exports:\n  ${[...wanted].join('\n  ')}\n`);
  process.exitCode = 1;
}

/** The types of the release that no golden stream of an earlier one has in that version. */
function wantedTypes(version) {
  const released = join(folder, '..', '..', 'contracts', 'released', version, 'events.json');
  const names = Object.keys(JSON.parse(readFileSync(released, 'utf8'))).filter((name) => name.startsWith('events/'));
  const others = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name !== version && !entry.name.startsWith('__'),
  );
  const files = others.flatMap(({ name }) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)));
  const covered = files.flatMap(eventsIn).map(nameOf);
  return new Set(names.filter((name) => !covered.includes(name)));
}

/** Events of an export, or of a file of golden streams. */
function eventsIn(file) {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'event');
}

function wholeStreams(events) {
  const streams = groupBy(events, ({ category, stream }) => `${category} ${stream}`);
  return [...streams.values()].filter((stream) => stream.every(({ version }, index) => version === index + 1));
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Again and again the stream with most of the types that are still wanted; of several, the shortest. */
function pick(streams, wanted) {
  const picked = [];
  const worth = (stream) => new Set(stream.map(nameOf).filter((name) => wanted.has(name))).size;
  for (;;) {
    const ranked = streams
      .map((stream) => ({ stream, types: worth(stream) }))
      .filter(({ types }) => types > 0)
      .sort((a, b) => b.types - a.types || a.stream.length - b.stream.length);
    if (ranked.length === 0) return picked;
    picked.push(ranked[0].stream);
    for (const event of ranked[0].stream) wanted.delete(nameOf(event));
  }
}

main(process.argv.slice(2));
