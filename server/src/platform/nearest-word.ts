/**
 * How many typing errors lead from one word to the other: letters left out, added, replaced, or
 * swapped with their neighbour. Costs the product of the lengths; meant for names and options.
 */
const countTypos = (a: string, b: string): number => {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const replaced = (last?.[j - 1] ?? 0) + (isSame ? 0 : 1);
      let typos = Math.min(replaced, (last?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) typos = Math.min(typos, (beforeLast?.[j - 2] ?? 0) + 1);
      row.push(typos);
    }
    [beforeLast, last] = [last, row];
  }
  return last?.[b.length] ?? 0;
};

/**
 * The word that was most likely meant: the one with the fewest typing errors, at most one in three
 * letters, and never more than `typosMax`. Null if none is near. Case does not matter.
 */
export const findNearestWord = (
  given: string,
  words: readonly string[],
  typosMax = Infinity,
): string | null => {
  let nearest: string | null = null;
  let fewest = Infinity;
  for (const word of words) {
    const typos = countTypos(given.toLowerCase(), word.toLowerCase());
    const isNear = typos <= typosMax && typos * 3 <= word.length;
    if (isNear && typos < fewest) [nearest, fewest] = [word, typos];
  }
  return nearest;
};
