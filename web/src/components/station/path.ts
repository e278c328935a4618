// path.ts - Where something hangs in the tree of nodes, as names from the top down.
import type { NodeRow } from '@/live/model';
import { useLive } from '@/live/react';

export type Nodes = ReadonlyMap<string, NodeRow>;

const DEPTH_MAX = 32;

/** From the top down to the node; a loop of parents ends. */
export function ancestry(nodes: Nodes, nodeId: string | null): readonly NodeRow[] {
  const path: NodeRow[] = [];
  let at = nodeId;
  for (let depth = 0; at !== null && depth < DEPTH_MAX; depth += 1) {
    const node = nodes.get(at);
    if (node === undefined) break;
    path.unshift(node);
    at = node.parentId;
  }
  return path;
}

export const nodePath = (nodes: Nodes, nodeId: string | null): readonly string[] =>
  ancestry(nodes, nodeId).map((node) => node.name);

/** Names of the two lowest nodes: enough to find the place ("F1" alone is many), short enough for a line. */
export const shortPath = (nodes: Nodes, nodeId: string | null): string => nodePath(nodes, nodeId).slice(-2).join(' / ');

export const useNodeName = (nodeId: string | null): string => useLive((state) => shortPath(state.tables.nodes, nodeId));
