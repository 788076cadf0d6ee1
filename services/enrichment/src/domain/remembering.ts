/**
 * A pure function of a text that remembers its answers: alerts of a product have the same paths, and mostly the same words,
 * again and again. Bounded, for both come from outside: texts longer than `longest` are answered anew each time, and after
 * `most` of them it begins from nothing.
 */
export function remembering<Answer>(
  answer: (text: string) => Answer,
  { most, longest }: { readonly most: number; readonly longest: number },
): (text: string) => Answer {
  const known = new Map<string, Answer>();
  return (text) => {
    if (text.length > longest) return answer(text);
    const before = known.get(text);
    if (before !== undefined || known.has(text)) return before as Answer;
    if (known.size >= most) known.clear();
    const found = answer(text);
    known.set(text, found);
    return found;
  };
}
