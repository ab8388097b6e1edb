import {
    type KeyboardEvent,
    type MouseEvent,
    type ReactNode,
    useEffect,
    useRef,
    useState,
} from "react";
import "uplot/dist/uPlot.min.css";
import { formatKwh } from "../../format.ts";
import { energyLabel, intervalLabel } from "../labels.ts";
import { useUnit } from "../unit.ts";
import { gapBands } from "./draw.ts";
import { createPlot, type EnergyPlot, type PlotContent, plotSize } from "./plot.ts";

type EnergyChartProps = {
    readonly content: PlotContent;
    /** What the bars are, such as `kWh per half-hour`. */
    readonly unit: string;
    /** Opens what a bar holds; null where there is nothing finer. */
    readonly onOpen: ((unix: number) => void) | null;
};

/** What the colours of the style sheet depend on; a canvas does not change by itself. */
const COLOUR_SCHEMES = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

function beforeText({ before }: PlotContent, position: number | null): string {
    const importWh = before?.[position ?? -1]?.importWh ?? null;
    return importWh === null ? "" : ` (before: ${formatKwh(importWh)})`;
}

/** Bars of energy over time; one at a time can be read by pointer, touch or arrow keys. */
export function EnergyChart({ content, unit, onOpen }: EnergyChartProps): ReactNode {
    const amount = useUnit();
    const host = useRef<HTMLDivElement>(null);
    const chart = useRef<EnergyPlot | null>(null);
    const [pointed, setPointed] = useState<number | null>(null);

    const { fromUnix } = content.period;
    // biome-ignore lint/correctness/useExhaustiveDependencies: another view or period is another plot; other content comes by `show`
    useEffect(() => {
        const element = host.current;
        if (element === null) return;
        setPointed(null);
        const made = createPlot(element, content, setPointed);
        chart.current = made;
        const resize = new ResizeObserver(() => {
            if (element.clientWidth > 0) made.plot.setSize(plotSize(element.clientWidth));
        });
        resize.observe(element);
        const schemes = COLOUR_SCHEMES.map((query) => window.matchMedia(query));
        const onScheme = (): void => made.plot.redraw(false, true);
        for (const scheme of schemes) scheme.addEventListener("change", onScheme);
        return () => {
            resize.disconnect();
            for (const scheme of schemes) scheme.removeEventListener("change", onScheme);
            made.plot.destroy();
            chart.current = null;
        };
    }, [content.view, fromUnix]);
    useEffect(() => chart.current?.show(content), [content]);
    useEffect(() => chart.current?.emphasise(pointed), [pointed]);

    const { intervals, period, view, zone } = content;
    const interval = pointed === null ? undefined : intervals[pointed];
    const readout =
        interval === undefined
            ? null
            : `${intervalLabel(interval, view, zone, period)}: ${energyLabel(interval, amount)}${beforeText(content, pointed)}`;
    const openAt = (position: number | null): void => {
        const chosen = intervals[position ?? -1];
        if (chosen !== undefined) onOpen?.(chosen.fromUnix);
    };
    // By the place of the click itself: a tap comes before the pointer's move was shown.
    const onClick = (event: MouseEvent): void => {
        openAt(chart.current?.positionAt(event.clientX) ?? null);
    };
    const onKeyDown = (event: KeyboardEvent): void => {
        const last = intervals.length - 1;
        const moves: Record<string, number> = {
            ArrowLeft: Math.max(0, (pointed ?? last + 1) - 1),
            ArrowRight: Math.min(last, (pointed ?? -1) + 1),
            Home: 0,
            End: last,
        };
        const move = moves[event.key];
        if (event.key === "Enter") openAt(pointed);
        if (event.key === "Escape") setPointed(null);
        if (move === undefined) return;
        event.preventDefault();
        setPointed(move);
    };
    return (
        <div className="chart">
            <p className="chart-readout">
                <span>{unit}</span>
                <strong data-testid="readout">{readout}</strong>
            </p>
            <div
                ref={host}
                className="chart-plot"
                role="slider"
                tabIndex={0}
                aria-label={`Chart, ${unit}. Arrow keys read one bar after the other.`}
                aria-orientation="horizontal"
                aria-valuemin={1}
                aria-valuemax={intervals.length}
                aria-valuenow={(pointed ?? 0) + 1}
                aria-valuetext={readout ?? `${intervals.length} bars`}
                data-testid="chart"
                data-view={view}
                data-gaps={gapBands(intervals).length}
                data-clickable={onOpen !== null}
                onKeyDown={onKeyDown}
                onClick={onClick}
            />
        </div>
    );
}
