/** A comparison of CACAO 2.0 (the STIX patterning grammar without object paths), parsed. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'compare'; readonly operator: Operator; readonly left: Operand; readonly right: Operand }
  | { readonly kind: 'in'; readonly left: Operand; readonly values: readonly Operand[] }
  | { readonly kind: 'like'; readonly left: Operand; readonly pattern: string };

export type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=';

export type Operand =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'text' | 'number' | 'bool'; readonly text: string };

/** The variables that a condition refers to. */
export function variablesOf(condition: Condition): string[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts.flatMap(variablesOf);
    case 'not':
      return variablesOf(condition.part);
    case 'compare':
      return [condition.left, condition.right].flatMap(nameOf);
    case 'in':
      return [condition.left, ...condition.values].flatMap(nameOf);
    case 'like':
      return nameOf(condition.left);
  }
}

const nameOf = (operand: Operand): string[] => (operand.kind === 'variable' ? [operand.name] : []);
