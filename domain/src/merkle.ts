import { assert } from './assert.ts';

/**
 * A root that binds every entry of the draw: its place in the order of joining and its key.
 * Leaf: SHA-256(0x00 ‖ entry, 4 bytes big-endian ‖ key, 8 bytes). Inner node:
 * SHA-256(0x01 ‖ left ‖ right). A node without a sibling is promoted unchanged. The root of an
 * empty tree is SHA-256('').
 */

/** SHA-256 of the concatenated parts; the digest, 32 bytes, belongs to the caller. */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array;

export const keyBytes = 8;
const digestBytes = 32;

const makeNodes = (sha256: Sha256) => {
  const leafInput = new Uint8Array(5 + keyBytes);
  const leafView = new DataView(leafInput.buffer);
  const innerInput = new Uint8Array(1 + 2 * digestBytes).fill(1, 0, 1);
  return {
    leaf: (entry: number, key: Uint8Array): Uint8Array => {
      leafView.setUint32(1, entry);
      leafInput.set(key, 5);
      return sha256(leafInput);
    },
    inner: (left: Uint8Array, right: Uint8Array): Uint8Array => {
      innerInput.set(left, 1);
      innerInput.set(right, 1 + digestBytes);
      return sha256(innerInput);
    },
  };
};

const keyAt = (keys: Uint8Array, entry: number): Uint8Array =>
  keys.subarray(entry * keyBytes, (entry + 1) * keyBytes);

const entriesOf = (keys: Uint8Array): number => {
  const entries = keys.length / keyBytes;
  assert(Number.isInteger(entries), `${keys.length} bytes of keys`);
  return entries;
};

/**
 * Takes keys in slices, in order of joining, and keeps at most one node per level. The largest
 * complete subtree is first; two of the same size are merged at once.
 */
export const makeRoot = (sha256: Sha256) => {
  const { leaf, inner } = makeNodes(sha256);
  const subtrees: Uint8Array[] = [];
  let entry = 0;
  return {
    add: (keys: Uint8Array): void => {
      const end = entry + entriesOf(keys);
      assert(end < 2 ** 32, `${end} entries`);
      for (let at = 0; entry < end; at++) {
        let node = leaf(entry, keyAt(keys, at));
        entry += 1;
        for (let pairs = entry; pairs % 2 === 0; pairs /= 2) node = inner(subtrees.pop()!, node);
        subtrees.push(node);
      }
    },
    /** The root of everything added so far. */
    root: (): Uint8Array =>
      entry === 0 ? sha256() : subtrees.reduceRight((right, left) => inner(left, right)),
  };
};

/** The root of all keys, 8 bytes each; 1 M take 1.2 s of computing. */
export const rootOf = (sha256: Sha256, keys: Uint8Array): Uint8Array => {
  const root = makeRoot(sha256);
  root.add(keys);
  return root.root();
};

/** One level of the tree from the one below it. */
const levelAbove = (
  nodes: readonly Uint8Array[],
  inner: (left: Uint8Array, right: Uint8Array) => Uint8Array,
): Uint8Array[] =>
  Array.from({ length: Math.ceil(nodes.length / 2) }, (_, at) => {
    const right = nodes[at * 2 + 1];
    return right === undefined ? nodes[at * 2]! : inner(nodes[at * 2]!, right);
  });

/**
 * The siblings on the path from an entry to the root, lowest first: with them (640 bytes at 1 M)
 * anybody can check that an entry is in the record without having the record.
 */
export const proofOf = (sha256: Sha256, keys: Uint8Array, entry: number): Uint8Array[] => {
  const { leaf, inner } = makeNodes(sha256);
  const entries = entriesOf(keys);
  assert(entry >= 0 && entry < entries, `entry ${entry} of ${entries}`);
  let nodes = Array.from({ length: entries }, (_, at) => leaf(at, keyAt(keys, at)));
  const proof: Uint8Array[] = [];
  for (let at = entry; nodes.length > 1; at >>>= 1) {
    const sibling = nodes[at ^ 1];
    if (sibling !== undefined) proof.push(sibling);
    nodes = levelAbove(nodes, inner);
  }
  return proof;
};

/** Whether the root is of `entries` entries and has this key at this entry. */
export const isProven = (
  sha256: Sha256,
  claim: {
    root: Uint8Array;
    entries: number;
    entry: number;
    key: Uint8Array;
    proof: readonly Uint8Array[];
  },
): boolean => {
  const { root, entries, entry, key, proof } = claim;
  if (!Number.isInteger(entry) || entry < 0 || entry >= entries) return false;
  if (key.length !== keyBytes || proof.some(({ length }) => length !== digestBytes)) return false;
  const { leaf, inner } = makeNodes(sha256);
  let node = leaf(entry, key);
  let used = 0;
  for (let at = entry, width = entries; width > 1; at >>>= 1, width = Math.ceil(width / 2)) {
    if ((at ^ 1) >= width) continue;
    const sibling = proof[used];
    if (sibling === undefined) return false;
    used += 1;
    node = at % 2 === 0 ? inner(node, sibling) : inner(sibling, node);
  }
  return used === proof.length && isSame(node, root);
};

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);
