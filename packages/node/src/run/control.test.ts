import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseLimits } from '../config.ts';
import { RunControl } from './control.ts';

const limits = parseLimits({ firstTokenMsMax: 100, tokenGapMsMax: 50, runMsMax: 1_000, abortMsMax: 30 });
const never = (): Promise<never> => new Promise(() => {});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function stopCode(control: RunControl): string | null {
  const { stopped } = control;
  return stopped === null ? null : stopped.reason === 'error' ? stopped.error.code : stopped.reason;
}

async function waitFor(control: RunControl, milliseconds: number): Promise<void> {
  const token = control.wait(() => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)));
  await vi.advanceTimersByTimeAsync(milliseconds);
  await token;
  control.tokenArrived();
}

describe('RunControl', () => {
  it('stops a run whose first token is late', () => {
    const control = new RunControl(limits);
    control.wait(never).catch(() => {});
    vi.advanceTimersByTime(99);
    expect(stopCode(control)).toBeNull();
    vi.advanceTimersByTime(1);
    expect(stopCode(control)).toBe('DEADLINE_EXCEEDED');
    expect(control.signal.aborted).toBe(true);
    control.close();
  });

  it('measures the gap from token to token, and stops a run whose next token is late', async () => {
    const control = new RunControl(limits);
    for (let token = 0; token < 10; token += 1) await waitFor(control, 40);
    expect(stopCode(control)).toBeNull();
    control.wait(never).catch(() => {});
    vi.advanceTimersByTime(50);
    expect(stopCode(control)).toBe('DEADLINE_EXCEEDED');
    control.close();
  });

  it('does not count the time in which nobody waits for the engine', async () => {
    const control = new RunControl(limits);
    await waitFor(control, 10);
    vi.advanceTimersByTime(500);
    expect(stopCode(control)).toBeNull();
    await waitFor(control, 40);
    expect(stopCode(control)).toBeNull();
    control.close();
  });

  it('stops a run that is too long as a whole', async () => {
    const control = new RunControl(limits);
    for (let token = 0; token < 25; token += 1) await waitFor(control, 40);
    expect(stopCode(control)).toBe('DEADLINE_EXCEEDED');
    control.close();
  });

  it('keeps the first cause', () => {
    const control = new RunControl(limits);
    control.stop({ reason: 'abort' });
    vi.advanceTimersByTime(2_000);
    expect(stopCode(control)).toBe('abort');
    control.close();
  });

  it('gives up an engine that does not obey, now and at the next wait', async () => {
    const control = new RunControl(limits);
    const waiting = control.wait(never);
    control.stop({ reason: 'abort' });
    vi.advanceTimersByTime(30);
    await expect(waiting).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(control.wait(never)).rejects.toMatchObject({ code: 'INTERNAL' });
    control.close();
  });

  it('leaves no timer behind', () => {
    const control = new RunControl(limits);
    control.stop({ reason: 'abort' });
    control.close();
    expect(vi.getTimerCount()).toBe(0);
    control.stop({ reason: 'abort' });
    expect(vi.getTimerCount()).toBe(0);
  });
});
