import { describe, expect, it } from 'vitest';
import { Counter, Gauge, Histogram } from './metrics.ts';

describe('metrics', () => {
  it('count by labels, and show a zero before the first event', () => {
    const counter = new Counter('c_total', 'help');
    expect(counter.lines()).toEqual(['c_total 0']);
    counter.add(1, { route: '/' });
    counter.add(2, { route: '/' });
    counter.add(1, { route: 'a"b\\c\nd' });
    expect(counter.lines()).toEqual(['c_total{route="/"} 3', 'c_total{route="a_b_c_d"} 1']);
  });

  it('read gauges when asked', () => {
    let value = 1;
    const gauge = new Gauge('g', 'help', () => value);
    value = 5;
    expect(gauge.lines()).toEqual(['g 5']);
  });

  it('sort durations into cumulative buckets; a clock that was set back counts as no time', () => {
    const histogram = new Histogram('h', 'help', [0.01, 0.1]);
    for (const ms of [-5, 10, 50, 500]) histogram.observeMs(ms);
    expect(histogram.lines()).toEqual([
      'h_bucket{le="0.01"} 2',
      'h_bucket{le="0.1"} 3',
      'h_bucket{le="+Inf"} 4',
      'h_sum 0.56',
      'h_count 4',
    ]);
  });
});
