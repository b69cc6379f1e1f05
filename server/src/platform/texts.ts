import { findTextFault } from '@usher/contract/primitives.ts';

/** A text that is refused: where it stands in the value, and why. */
export type TextFault = { readonly path: readonly string[]; readonly message: string };

type Container = Record<string, unknown>;
type Place = { readonly container: Container; readonly path: readonly string[] };

const isContainer = (value: unknown): value is Container =>
  typeof value === 'object' && value !== null;

/**
 * The one rule for every text that comes in from outside: it is well formed, has no NUL, and is in
 * NFC, so that two spellings of one word are one word. Texts in `value` are normalised in place;
 * the first one that cannot be stored is returned, null if there is none. Names of fields are not
 * normalised, as no schema has any outside ASCII. Not recursive: JSON may be nested as deeply as a
 * body is long.
 */
export const cleanTexts = (value: Container): TextFault | null => {
  const places: Place[] = [{ container: value, path: [] }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { container, path } = place;
    for (const [name, part] of Object.entries(container)) {
      const message =
        findTextFault(name) ?? (typeof part === 'string' ? findTextFault(part) : null);
      const partPath = [...path, name];
      if (message !== null) return { path: partPath, message };
      if (typeof part === 'string') container[name] = part.normalize('NFC');
      else if (isContainer(part)) places.push({ container: part, path: partPath });
    }
  }
  return null;
};
