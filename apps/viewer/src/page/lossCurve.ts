/** The curve of the loss while a model learns: each step's, and their running mean. */

const NAMESPACE = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [320, 96];

/** The share that a step has in the running mean. */
const SHARE = 0.1;

export class LossCurve {
  readonly #svg: SVGSVGElement;
  readonly #each = polyline('each');
  readonly #mean = polyline('mean');
  readonly #losses: number[] = [];
  readonly #means: number[] = [];

  constructor(svg: SVGSVGElement) {
    this.#svg = svg;
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.replaceChildren(this.#each, this.#mean);
  }

  /** Adds the loss of the next of so many steps. */
  add(loss: number, steps: number): void {
    this.#losses.push(loss);
    const before = this.#means.at(-1) ?? loss;
    this.#means.push(before + SHARE * (loss - before));
    const most = Math.max(...this.#losses);
    const least = Math.min(0, ...this.#losses);
    const points = (values: readonly number[]) =>
      values
        .map((value, i) => {
          const x = (WIDTH * (i + 0.5)) / steps;
          const y = 2 + ((HEIGHT - 4) * (most - value)) / (most - least || 1);
          return `${x.toFixed(1)},${y.toFixed(1)}`;
        })
        .join(' ');
    this.#each.setAttribute('points', points(this.#losses));
    this.#mean.setAttribute('points', points(this.#means));
    this.#svg.setAttribute('aria-label', `Loss after ${this.#losses.length} steps: ${this.#change}`);
  }

  /** How it changed, in words. */
  get words(): string {
    return `loss ${this.#change}`;
  }

  /** Means of a quarter of the steps each, for patches differ more from one another than a few steps teach. */
  get #change(): string {
    const quarter = Math.ceil(this.#losses.length / 4);
    const mean = (losses: readonly number[]) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    const [first, last] = [this.#losses.slice(0, quarter), this.#losses.slice(-quarter)].map(mean);
    return `${first!.toFixed(3)} at first, ${last!.toFixed(3)} at last`;
  }
}

function polyline(name: string): SVGPolylineElement {
  const line = document.createElementNS(NAMESPACE, 'polyline');
  line.setAttribute('class', name);
  return line;
}
