/** A topic or group as the broker knows it. */
export const topicName = (prefix: string, topic: string): string => `${prefix}${topic}`;

export const withoutPrefix = (prefix: string, name: string): string => name.slice(prefix.length);
