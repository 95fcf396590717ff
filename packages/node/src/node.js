// A node: one engine, one log, one store of receipts, behind one HTTP interface.
import { RunproofError } from '@runproof/protocol';
import { createApp } from './app.js';
import { parseInfo, parseLimits } from './config.js';
import { Health } from './context.js';
import { createBodyBudget } from './http/body.js';
import { silentLogger } from './logger.js';
import { createMetrics, Gauge } from './metrics.js';
import { Admission } from './run/admission.js';
import { RunRegistry } from './run/registry.js';
function createContext(options, accepting) {
    const limits = parseLimits(options.limits);
    const { clock } = options;
    const admission = new Admission({ ...limits, clock });
    const health = new Health(clock);
    const metrics = createMetrics([
        new Gauge('runproof_running', 'Runs at work.', () => admission.running),
        new Gauge('runproof_waiting', 'Runs that wait for their turn.', () => admission.waiting),
        new Gauge('runproof_ready', 'Whether new runs are taken.', () => (accepting() && health.ok ? 1 : 0)),
    ]);
    const { engine, log, store, random } = options;
    return {
        ...{ engine, log, store, clock, random, limits, admission, health, metrics, accepting },
        info: parseInfo(options.info),
        logger: options.logger ?? silentLogger,
        bodies: createBodyBudget(limits.bodyBytesTotalMax),
        runs: new RunRegistry(),
    };
}
function shuttingDown() {
    return new RunproofError('SHUTTING_DOWN', 'This node shut down before the run had ended.', { retry_after_seconds: 5 });
}
/** Makes a node. Throws `CONFIG_INVALID` when a limit or a fact is out of its range. */
export function createNode(options) {
    let accepting = true;
    const context = createContext(options, () => accepting);
    const app = createApp(context);
    const drain = async (milliseconds) => {
        accepting = false;
        context.admission.close();
        const timer = setTimeout(() => context.runs.stopAll({ reason: 'error', error: shuttingDown() }), milliseconds);
        await context.runs.idle();
        clearTimeout(timer);
    };
    return {
        fetch: async (request) => app.fetch(request),
        get ready() {
            return accepting && context.health.ok;
        },
        limits: context.limits,
        drain,
        close: () => drain(0),
    };
}
