import { DomainError } from '#libs/kernel';

/** What the work gives, or why it was refused. @throws what is no refusal. */
export function attempt<Result>(work: () => Result): Result | DomainError {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}
