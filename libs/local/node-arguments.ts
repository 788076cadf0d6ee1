/**
 * What Node gets before the program of a service. A batch of alerts, with all that is made of each, is more than V8's young
 * generation of three times 16 MiB holds: copied into the old one, it costs a fifth to a third of all processor time. Only
 * a command line or NODE_OPTIONS can say so: `v8.setFlagsFromString` comes too late. deploy/Dockerfile and package.json
 * say the same.
 */
export const NODE_ARGUMENTS: readonly string[] = ['--enable-source-maps', '--max-semi-space-size=64'];
