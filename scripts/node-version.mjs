import { Refusal } from './project.mjs';

const LEAST = [20, 19];

/** @throws Refusal when this Node cannot load ESM packages from CommonJS, which came unflagged with 20.19 (and 22.12). */
export function requireNodeVersion(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const old = major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1]) || (major === 22 && minor < 12);
  if (!old && major !== 21) return;
  throw new Refusal(
    `Countersign needs Node 20.19 or later (22: 22.12 or later); this is Node ${version}. Install a current LTS release from https://nodejs.org and start again.`,
  );
}
