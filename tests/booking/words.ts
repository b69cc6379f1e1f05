import { type House, makeAttemptName } from './calls.ts';

const hourMs = 3_600_000;

/** A history's words as the database has them, and back. */
export type Words = {
  /** `hold-3` is `hold_12_3` in the twelfth history of a database: ids are never used again. */
  toId(name: string): string;
  /** Throws for an id of another history. */
  toName(id: string): string;
  /** Whole hours since the history began; what the database adds to them is less than an hour. */
  toHours(at: Date | string): number;
  /** Back to the database's clock, as long as no time has passed. */
  toInstant(hours: number): Date;
  /** Every instant of the history was moved back by so much. */
  notePassed(hours: number): void;
  /** The shows of the history, as ids. */
  readonly showIds: readonly string[];
};

/** The program reads the order of an attempt from its id: `att_12_3-2` is of `ord_12_3`. */
const idNames: Readonly<Record<string, string>> = { order: 'ord' };

export const makeWords = (history: number, house: House, beginMs: number): Words => {
  let passedMs = 0;
  const names = new Map<string, string>();
  const toPlainId = (name: string): string => {
    const [kind = '', number = ''] = name.split('-');
    const id = `${idNames[kind] ?? kind}_${history}_${number}`;
    names.set(id, name);
    return id;
  };
  const toId = (name: string): string => {
    const [order = '', attemptNo] = name.split('/');
    const id = toPlainId(order);
    return attemptNo === undefined ? id : `${id.replace('ord_', 'att_')}-${attemptNo}`;
  };
  return {
    showIds: [...new Set(house.map((each) => toId(each.showId)))],
    toId,
    toName: (id) => {
      const [order = '', attemptNo] = id.replace('att_', 'ord_').split('-');
      const name = names.get(order);
      if (name === undefined) throw new Error(`${id} is not of this history`);
      return attemptNo === undefined ? name : makeAttemptName(name, Number(attemptNo));
    },
    toHours: (at) => Math.floor((new Date(at).getTime() + passedMs - beginMs) / hourMs),
    toInstant: (hours) => new Date(beginMs + hours * hourMs),
    notePassed: (hours) => {
      passedMs += hours * hourMs;
    },
  };
};
