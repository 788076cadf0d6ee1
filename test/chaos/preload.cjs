// Preloaded into the service processes of a chaos site, and nowhere else. It leads their connections through the TCP
// proxies of the test, and moves their clocks. Both stand in the file CHAOS_CONTROL, which is looked at again and again:
// { "routes": { "<port>": <port of the proxy> }, "clocks": { "<service>": <milliseconds> } }
const { readFileSync } = require('node:fs');
const { Socket } = require('node:net');

const LOOK_MS = 200;
const service = /[\\/]services[\\/]([^\\/]+)[\\/]/.exec(process.argv[1] ?? '')?.[1] ?? '';
let control = { routes: {}, clocks: {} };
let text = '';

function look() {
  try {
    const now = readFileSync(process.env.CHAOS_CONTROL, 'utf8');
    if (now === text) return;
    control = JSON.parse(now);
    text = now;
  } catch {
    // Not there yet, or no more: what it said last counts.
  }
}
look();
setInterval(look, LOOK_MS).unref();

// By its advertised port a Kafka client finds the broker again, whatever it was given to begin with; so the way in for
// all of them is the socket itself.
const reroute = (options) => ({ ...options, port: control.routes[options.port] ?? options.port });
const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const [first] = args;
  if (Array.isArray(first) && first[0]?.port !== undefined) first[0] = reroute(first[0]);
  else if (typeof first === 'object' && first !== null && first.port !== undefined) args[0] = reroute(first);
  else if (typeof first === 'number' || /^\d+$/.test(String(first))) args[0] = control.routes[first] ?? first;
  return connect.apply(this, args);
};

const RealDate = Date;
const now = () => RealDate.now() + (control.clocks[service] ?? 0);
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});
RealDate.prototype.constructor = globalThis.Date;
