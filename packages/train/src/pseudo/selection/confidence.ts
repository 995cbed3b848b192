/** The strategy `confidence`: the network is sure of what it calls an organ, by mean probability and mean entropy. */
import { type Strategy, shown } from './strategy.ts';

export const confidence: Strategy<{ readonly leastProbability: number; readonly mostEntropy: number }> = (
  cases,
  { leastProbability, mostEntropy },
) =>
  cases.map(({ confidence: probability, entropy }) => {
    if (probability === null || entropy === null)
      return { kept: false, reason: 'no foreground to be sure of' };
    return {
      kept: probability >= leastProbability && entropy <= mostEntropy,
      reason: `mean probability ${shown(probability)} (at least ${leastProbability}), entropy ${shown(entropy)} (at most ${mostEntropy})`,
    };
  });
