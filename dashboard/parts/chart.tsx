// A line over time. The chart library is loaded with the first chart that is drawn.
import { useEffect, useRef } from "preact/hooks";

export interface Series {
  label: string;
  /** One of the style sheet's colours: `--good`. */
  colour: string;
  values: readonly (number | null)[];
}

interface ChartProps {
  /** What it shows, for who does not see it. */
  label: string;
  /** Times of the points, ISO. */
  times: readonly string[];
  series: readonly Series[];
  format?: (value: number) => string;
  /** What is counted comes in whole numbers. */
  whole?: boolean;
}

const HEIGHT_PX = 110;
/** Distances of the lines of an axis that counts. */
const WHOLE_STEPS = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((power) => step * power))
  .sort((a, b) => a - b);
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A time of an axis: midnight is the day that begins. */
function moment(seconds: number): string {
  const at = new Date(seconds * 1000);
  return at.getHours() === 0 && at.getMinutes() === 0 ? day.format(at) : time.format(at);
}

export function Chart({ label, times, series, format = String, whole = false }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = JSON.stringify([times, series]);
  useEffect(() => {
    const into = box.current;
    if (!into) return;
    let stop = () => {};
    let isOver = false;
    void import("uplot").then(({ default: UPlot }) => {
      if (isOver) return;
      stop = draw(UPlot, into, times, series, format, whole);
    });
    return () => {
      isOver = true;
      stop();
    };
  }, [drawn]);
  return (
    <figure class="chart">
      <div ref={box} role="img" aria-label={textOf(label, series, format)} />
    </figure>
  );
}

/** The chart in words: the last and the largest value of each line. */
function textOf(label: string, series: readonly Series[], format: (value: number) => string): string {
  const lines = series.map((line) => {
    const values = line.values.filter((value) => value !== null);
    return `${line.label}: now ${format(values.at(-1) ?? 0)}, at most ${format(Math.max(0, ...values))}`;
  });
  return `${label}. ${lines.join("; ")}`;
}

function draw(
  UPlot: typeof import("uplot"),
  into: HTMLElement,
  times: readonly string[],
  series: readonly Series[],
  format: (value: number) => string,
  whole: boolean,
): () => void {
  const style = getComputedStyle(into);
  const colour = (name: string) => style.getPropertyValue(name).trim() || "currentColor";
  const resolved = (name: string) => {
    // `light-dark()` is resolved by the browser for a property only.
    const probe = into.appendChild(document.createElement("i"));
    probe.style.color = colour(name);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  const [line, quiet] = [resolved("--line"), resolved("--quiet")];
  const axis = {
    stroke: quiet,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const chart = new UPlot(
    {
      width: into.clientWidth || 300,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { points: { size: 6 } },
      scales: { y: { range: (_chart, _low, high) => [0, Math.max(high, 1) * 1.05] } },
      axes: [
        {
          ...axis,
          space: 60,
          size: 26,
          values: (_chart, points) => points.map((seconds) => moment(seconds)),
        },
        {
          ...axis,
          size: 46,
          ...(whole && { incrs: WHOLE_STEPS }),
          values: (_chart, values) => values.map((value) => format(value)),
        },
      ],
      series: [
        {},
        ...series.map(({ label, colour: name }) => ({
          label,
          stroke: resolved(name),
          width: 1.5,
          spanGaps: true,
        })),
      ],
    },
    [times.map((at) => Date.parse(at) / 1000), ...series.map(({ values }) => [...values])],
    into,
  );
  const size = new ResizeObserver(() => chart.setSize({ width: into.clientWidth, height: HEIGHT_PX }));
  size.observe(into);
  return () => {
    size.disconnect();
    chart.destroy();
  };
}
