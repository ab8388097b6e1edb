import { type ReactNode, useState } from "react";
import { formatKwh } from "../format.ts";
import type { PlotContent } from "./chart/plot.ts";
import { intervalLabel, periodLabel } from "./labels.ts";

type EnergyTableProps = {
    readonly content: PlotContent;
    readonly onOpenDay: ((unix: number) => void) | null;
};

const QUALITY_NAMES = { measured: "measured", partial: "partly read", missing: "no reading" };

/** The chart in numbers, for screen readers, for copying, and for whoever prefers them. */
export function EnergyTable({ content, onOpenDay }: EnergyTableProps): ReactNode {
    const [isOpen, setOpen] = useState(false);
    const { intervals, period, view, zone } = content;
    return (
        <details
            className="energy-table"
            onToggle={(event) => setOpen(event.currentTarget.open)}
            data-testid="table"
        >
            <summary>Show as table</summary>
            {isOpen && (
                <div className="scroll">
                    <table>
                        <caption className="hidden">
                            Energy imported, {periodLabel(period, view, zone)}
                        </caption>
                        <thead>
                            <tr>
                                <th scope="col">{view === "month" ? "Day" : "Time"}</th>
                                <th scope="col" className="number">
                                    kWh
                                </th>
                                <th scope="col">Reading</th>
                            </tr>
                        </thead>
                        <tbody>
                            {intervals.map((interval) => {
                                const label = intervalLabel(interval, view, zone, period);
                                return (
                                    <tr key={interval.fromUnix} data-quality={interval.quality}>
                                        <th scope="row">
                                            {onOpenDay === null ? (
                                                label
                                            ) : (
                                                <button
                                                    type="button"
                                                    className="link"
                                                    onClick={() => onOpenDay(interval.fromUnix)}
                                                >
                                                    {label}
                                                </button>
                                            )}
                                        </th>
                                        <td className="number">
                                            {interval.importWh === null
                                                ? "–"
                                                : formatKwh(interval.importWh)}
                                        </td>
                                        <td>{QUALITY_NAMES[interval.quality]}</td>
                                    </tr>
                                );
                            })}
                        </tbody>
                    </table>
                </div>
            )}
        </details>
    );
}
