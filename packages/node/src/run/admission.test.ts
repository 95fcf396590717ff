import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

const clock = { now: () => 0 };
const never = new AbortController().signal;

function createAdmission(concurrencyMax: number, waitingMax: number, queueMsMax = 60_000): Admission {
  return new Admission({ concurrencyMax, waitingMax, queueMsMax, clock });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Admission', () => {
  it('admits in the order of arrival, and hands a free place to the first who waits', async () => {
    const admission = createAdmission(1, 3);
    const order: number[] = [];
    const leave = await admission.enter(never);
    const waiting = [1, 2, 3].map(async (name) => {
      const done = await admission.enter(never);
      order.push(name);
      done();
    });
    expect([admission.running, admission.waiting, admission.full]).toEqual([1, 3, true]);
    leave();
    leave();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('refuses when it is full, with a time after which to try again', async () => {
    const admission = createAdmission(1, 0);
    await admission.enter(never);
    await expect(admission.enter(never)).rejects.toMatchObject({
      code: 'OVERLOADED',
      evidence: { retry_after_seconds: 1 },
    });
    expect(() => admission.assertRoom()).toThrow('full');
  });

  it('refuses who waits too long, and who waits when it closes', async () => {
    const late = createAdmission(1, 1, 5);
    await late.enter(never);
    await expect(late.enter(never)).rejects.toMatchObject({ code: 'OVERLOADED' });
    const closing = createAdmission(1, 1);
    await closing.enter(never);
    const waiting = closing.enter(never);
    closing.close();
    await expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(closing.enter(never)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('forgets who goes away', async () => {
    const admission = createAdmission(1, 1);
    const leave = await admission.enter(never);
    const leaving = new AbortController();
    const waiting = admission.enter(leaving.signal);
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(admission.enter(leaving.signal)).rejects.toMatchObject({ code: 'ABORTED' });
    leave();
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('never has more at work than allowed, never loses a place, whatever comes and goes', async () => {
    const step = fc.constantFrom('enter', 'leave', 'abort');
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.nat(3),
      fc.array(step, { maxLength: 40 }),
      async (most, waitingMax, plan) => {
        const admission = createAdmission(most, waitingMax);
        const inside: (() => void)[] = [];
        const aborts: AbortController[] = [];
        for (const action of plan) {
          if (action === 'leave') inside.shift()?.();
          else if (action === 'abort') aborts.shift()?.abort();
          else {
            const abort = new AbortController();
            aborts.push(abort);
            admission.enter(abort.signal).then(
              (leave) => inside.push(leave),
              () => {},
            );
          }
          await turn();
          expect(admission.running).toBe(inside.length);
          expect(admission.running).toBeLessThanOrEqual(most);
          expect(admission.waiting).toBeLessThanOrEqual(waitingMax);
          if (admission.waiting > 0) expect(admission.running).toBe(most);
        }
        for (let left = inside.shift(); left !== undefined; left = inside.shift()) {
          left();
          await turn();
        }
        expect([admission.running, admission.waiting]).toEqual([0, 0]);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});
