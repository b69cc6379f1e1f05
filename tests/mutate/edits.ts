/** One change of a text, small enough that a test of the changed condition should notice it. */
export type Edit = {
  readonly operator: string;
  /** Offsets of what is replaced; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** The condition for people, on one line, before and after; '' when a term is dropped. */
  readonly from: string;
  readonly to: string;
};

export const foldSpace = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

export const applyEdit = (text: string, edit: Edit): string =>
  text.slice(0, edit.start) + edit.replacement + text.slice(edit.end);

/** An edit within text[start, end), which is shown as a whole. */
export const makeEditWithin = (
  text: string,
  around: { start: number; end: number },
  change: { operator: string; start: number; end: number; replacement: string },
): Edit => ({
  ...change,
  from: foldSpace(text.slice(around.start, around.end)),
  to: foldSpace(
    text.slice(around.start, change.start) +
      change.replacement +
      text.slice(change.end, around.end),
  ),
});
