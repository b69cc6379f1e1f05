import type { CallName } from './errors.ts';

/**
 * `before-commit`: the fault applies before the provider has done anything; `after-commit`: the
 * work is done, its answer is stored under the idempotency key, and the fault applies to the reply.
 */
export type Phase = 'before-commit' | 'after-commit';

/** What happens: see README.md, "Rules". `html` is an answer of a gateway, not of the API. */
export type Action =
  | { action: 'delay'; delayMs: number }
  | { action: 'hang' }
  | { action: 'reset' }
  | { action: 'truncate' }
  | { action: 'answer'; status: number; code: string; message: string }
  | { action: 'html'; status: number };

export type Fault = Action & { phase: Phase };

export type RuleMatch = {
  call: CallName | 'any';
  orderId: string | null;
  paymentKey: string | null;
};

export type Rule = {
  id: string;
  match: RuleMatch;
  /** How many more calls it applies to; null: all, until it is removed. */
  times: number | null;
  struck: number;
  fault: Fault;
};

export type Faults = ReturnType<typeof makeFaults>;

/** The rules, oldest first; the first that matches a call applies. */
export const makeFaults = () => {
  let rules: Rule[] = [];
  let made = 0;

  const fits = (
    { match }: Rule,
    call: CallName,
    orderId: string | null,
    paymentKey: string | null,
  ): boolean =>
    (match.call === 'any' || match.call === call) &&
    (match.orderId === null || match.orderId === orderId) &&
    (match.paymentKey === null || match.paymentKey === paymentKey);

  return {
    add(match: RuleMatch, times: number | null, fault: Fault): Rule {
      made += 1;
      const rule: Rule = { id: `rule${made}`, match, times, struck: 0, fault };
      rules.push(rule);
      return rule;
    },
    take(call: CallName, orderId: string | null, paymentKey: string | null): Fault | null {
      if (rules.length === 0) return null;
      const rule = rules.find((each) => fits(each, call, orderId, paymentKey));
      if (rule === undefined) return null;
      rule.struck += 1;
      if (rule.times !== null) {
        rule.times -= 1;
        if (rule.times === 0) rules = rules.filter((each) => each !== rule);
      }
      return rule.fault;
    },
    list: (): readonly Rule[] => rules,
    remove(id: string): boolean {
      const before = rules.length;
      rules = rules.filter((rule) => rule.id !== id);
      return rules.length < before;
    },
    clear(): void {
      rules = [];
    },
  };
};
