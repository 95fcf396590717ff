// One batch of leaves hashed into the tree, with the proof of each of them.
//
// Hashes are strings of 32 latin1 characters here: node:crypto makes one three times as fast as a Buffer (bench/log.ts), and a
// string is copied into the hash input by one call. Only the right edge of the tree before the batch is needed.
import { hash } from 'node:crypto';

/** 32 characters, one per byte */
export type HashText = string;

/** Roots of the maximal complete subtrees by their level; level h is there exactly when bit h of the size is set. */
export type Edge = ReadonlyMap<number, HashText>;

const EMPTY_TREE: HashText = hash('sha256', '', 'binary');
const nodeInput = Buffer.alloc(65);
nodeInput[0] = 1;

/** Entries of receipts all have one length: the input of the last leaf fits the next one. */
let leafInput = Buffer.alloc(1);

/** RFC 6962 §2.1: SHA-256(0x00 ‖ entry). */
export function hashLeaf(entry: Uint8Array): HashText {
  if (leafInput.length !== 1 + entry.length) leafInput = Buffer.alloc(1 + entry.length);
  leafInput.set(entry, 1);
  return hash('sha256', leafInput, 'binary');
}

/** RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right). */
function hashNode(left: HashText, right: HashText): HashText {
  nodeInput.write(left, 1, 'latin1');
  nodeInput.write(right, 33, 'latin1');
  return hash('sha256', nodeInput, 'binary');
}

/** The nodes of one level that the batch touches; the last one may be incomplete, or stand for a smaller subtree. */
interface Level {
  /** index of `nodes[0]` */
  readonly first: number;
  readonly nodes: readonly HashText[];
}

export interface BatchTree {
  readonly size: number;
  readonly root: HashText;
  readonly edge: Edge;
  /** Complete nodes of `level` that the batch made, and the index of the first; for hash tiles. */
  completed(level: number): { first: number; nodes: readonly HashText[] };
  /**
   * For every leaf of the batch the lines of its inclusion proof (base64, LF), sibling first, and then `tail`.
   * Strings of a shared path are shared: the cost is per node, not per node and leaf.
   */
  proofs(tail: string): string[];
}

/** Adds `leaves` to the tree of `size` leaves whose right edge is `edge`. */
export function buildBatchTree(size: number, edge: Edge, leaves: readonly HashText[]): BatchTree {
  const newSize = size + leaves.length;
  const levels = buildLevels(size, edge, leaves);
  const root =
    newSize === 0 ? EMPTY_TREE : leaves.length === 0 ? foldEdge(edge) : (levels.at(-1)?.nodes[0] as HashText);
  return {
    size: newSize,
    root,
    edge: newEdge(size, newSize, edge, levels),
    completed: (level) => completedNodes(size, newSize, levels[level], level),
    proofs: (tail) => proofLines(size, newSize, levels, tail),
  };
}

/**
 * Levels from the leaves to the root. An odd last node is promoted as it is: RFC 6962 splits at the largest power of two, which
 * comes to the same tree, and a promoted node has no sibling, hence no line in a proof.
 */
function buildLevels(size: number, edge: Edge, leaves: readonly HashText[]): Level[] {
  const levels: Level[] = [];
  let first = size;
  let count = size + leaves.length;
  let nodes = leaves;
  for (let height = 0; leaves.length > 0; height += 1) {
    if (first % 2 === 1) {
      nodes = [edge.get(height) as HashText, ...nodes];
      first -= 1;
    }
    levels.push({ first, nodes });
    if (count === 1) break;
    const parents: HashText[] = [];
    for (let index = 0; index + 1 < nodes.length; index += 2)
      parents.push(hashNode(nodes[index] as HashText, nodes[index + 1] as HashText));
    if (nodes.length % 2 === 1) parents.push(nodes[nodes.length - 1] as HashText);
    nodes = parents;
    first /= 2;
    count = Math.ceil(count / 2);
  }
  return levels;
}

/** Number of complete nodes of `level` in a tree of `size`. */
function completeCount(size: number, level: number): number {
  return Math.floor(size / 2 ** level);
}

function completedNodes(
  size: number,
  newSize: number,
  level: Level | undefined,
  height: number,
): { first: number; nodes: readonly HashText[] } {
  const from = completeCount(size, height);
  const to = completeCount(newSize, height);
  if (level === undefined || from === to) return { first: from, nodes: [] };
  return { first: from, nodes: level.nodes.slice(from - level.first, to - level.first) };
}

function newEdge(size: number, newSize: number, edge: Edge, levels: readonly Level[]): Edge {
  const next = new Map<number, HashText>();
  for (let height = 0; completeCount(newSize, height) > 0; height += 1) {
    const count = completeCount(newSize, height);
    if (count % 2 === 0) continue;
    const made = count > completeCount(size, height);
    const level = levels[height];
    next.set(height, (made ? level?.nodes[count - 1 - level.first] : edge.get(height)) as HashText);
  }
  return next;
}

function foldEdge(edge: Edge): HashText {
  let root: HashText | null = null;
  for (const height of [...edge.keys()].sort((left, right) => left - right)) {
    const node = edge.get(height) as HashText;
    root = root === null ? node : hashNode(node, root);
  }
  return root ?? EMPTY_TREE;
}

/** Hashes as bytes, one after the other. */
export function hashBytes(nodes: readonly HashText[]): Buffer {
  return Buffer.from(nodes.join(''), 'latin1');
}

/** Root of the complete subtree over hashes given as bytes; their number is a power of two. */
export function subtreeRoot(bytes: Buffer): Buffer {
  let nodes: HashText[] = [];
  for (let position = 0; position < bytes.length; position += 32)
    nodes.push(bytes.toString('latin1', position, position + 32));
  while (nodes.length > 1) {
    const parents: HashText[] = [];
    for (let index = 0; index < nodes.length; index += 2)
      parents.push(hashNode(nodes[index] as HashText, nodes[index + 1] as HashText));
    nodes = parents;
  }
  return hashBytes(nodes);
}

function proofLines(size: number, newSize: number, levels: readonly Level[], tail: string): string[] {
  // Node by node from the root down: what a proof says from this node on.
  let above: string[] = [tail];
  let aboveFirst = 0;
  for (let height = levels.length - 2; height >= 0; height -= 1) {
    const { first, nodes } = levels[height] as Level;
    const bytes = hashBytes(nodes);
    const line = (index: number): string => `${bytes.toString('base64', index * 32, index * 32 + 32)}\n`;
    const here: string[] = [];
    for (let index = 0; index < nodes.length; index += 1) {
      const rest = above[Math.floor((first + index) / 2) - aboveFirst] as string;
      const sibling = (first + index) % 2 === 1 ? index - 1 : index + 1;
      here.push(sibling < nodes.length ? line(sibling) + rest : rest);
    }
    above = here;
    aboveFirst = first;
  }
  const start = size - (levels[0]?.first ?? 0);
  return above.slice(start, start + newSize - size);
}
