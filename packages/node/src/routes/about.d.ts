import type { NodeContext, RequestContext } from '../context.ts';
/** The process answers. */
export declare function getLivez(context: RequestContext): Response;
/** New runs are taken, and their receipts can be sealed. */
export declare function getReadyz(node: NodeContext, context: RequestContext): Response;
export declare function getMetrics(node: NodeContext, context: RequestContext): Response;
/** A policy under which receipts of this node would verify; a person decides whether to trust it (specs/policy.md). */
export declare function policyHint(node: Pick<NodeContext, 'engine' | 'log'>): string;
/** specs/receipt.md, Transport. */
export declare function getWellKnown(node: NodeContext, context: RequestContext): Response;
export declare function getPage(node: NodeContext, context: RequestContext): Response;
