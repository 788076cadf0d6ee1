import { CATEGORIES, type Category } from '#contracts/envelope';

/** The category of a stream by its name: `case-<id>` is of `case`. Undefined for a name that no category has. */
export function categoryOfStream(stream: string): Category | undefined {
  return CATEGORIES.find((category) => stream.startsWith(`${category}-`));
}
