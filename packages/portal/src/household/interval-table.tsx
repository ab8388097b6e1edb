import type { UsageInterval } from "@meterseal/wallet";
import { type ReactNode, useState } from "react";
import { formatKwh } from "../format.ts";
import { readingLabel } from "./labels.ts";
import { useUnit } from "./unit.ts";

type IntervalTableProps = {
    /** What the table shows, read out before it. */
    readonly caption: string;
    /** Heading of the first column, such as `Day`. */
    readonly heading: string;
    readonly intervals: readonly UsageInterval[];
    labelOf(interval: UsageInterval): string;
    /** Values of the period before and its name; null where nothing is compared. */
    readonly before: {
        readonly name: string;
        readonly intervals: readonly (UsageInterval | null)[];
    } | null;
    /** Opens what a row holds; null where there is nothing finer. */
    readonly onOpen: ((unix: number) => void) | null;
    readonly testId: string;
};

/** A chart in numbers, for screen readers, for copying, and for whoever prefers them. */
export function IntervalTable(props: IntervalTableProps): ReactNode {
    const [isOpen, setOpen] = useState(false);
    const { caption, intervals, before, testId } = props;
    const isTwoWay = intervals.some(({ exportWh }) => exportWh !== null);
    return (
        <details onToggle={(event) => setOpen(event.currentTarget.open)} data-testid={testId}>
            <summary>Show as table</summary>
            {isOpen && (
                // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
                <section className="scroll" tabIndex={0} aria-label={caption}>
                    <table>
                        <caption className="hidden">{caption}</caption>
                        <Head {...props} isTwoWay={isTwoWay} />
                        <tbody>
                            {intervals.map((interval, i) => (
                                <Row
                                    key={interval.fromUnix}
                                    {...props}
                                    isTwoWay={isTwoWay}
                                    interval={interval}
                                    compared={before === null ? undefined : before.intervals[i]}
                                />
                            ))}
                        </tbody>
                    </table>
                </section>
            )}
        </details>
    );
}

type PartProps = IntervalTableProps & {
    /** Whether the home also gives. */
    readonly isTwoWay: boolean;
};

function Head({ heading, isTwoWay, before }: PartProps): ReactNode {
    const { label } = useUnit();
    return (
        <thead>
            <tr>
                <th scope="col">{heading}</th>
                <th scope="col" className="number">
                    {isTwoWay ? `From the grid, ${label}` : label}
                </th>
                {isTwoWay && (
                    <th scope="col" className="number">
                        To the grid, {label}
                    </th>
                )}
                {before !== null && (
                    <th scope="col" className="number">
                        {before.name}, {label}
                    </th>
                )}
                <th scope="col">Reading</th>
            </tr>
        </thead>
    );
}

type RowProps = PartProps & {
    readonly interval: UsageInterval;
    /** Undefined where nothing is compared, null where there is no counterpart. */
    readonly compared: UsageInterval | null | undefined;
};

function Row({ interval, isTwoWay, compared, labelOf, onOpen }: RowProps): ReactNode {
    const unit = useUnit();
    const label = labelOf(interval);
    return (
        <tr data-quality={interval.quality}>
            <th scope="row">
                {onOpen === null ? (
                    label
                ) : (
                    <button
                        type="button"
                        className="link"
                        onClick={() => onOpen(interval.fromUnix)}
                    >
                        {label}
                    </button>
                )}
            </th>
            <td className="number">{kwhOrDash(interval.importWh)}</td>
            {isTwoWay && <td className="number">{kwhOrDash(interval.exportWh)}</td>}
            {compared !== undefined && (
                <td className="number">{kwhOrDash(compared?.importWh ?? null)}</td>
            )}
            <td>{readingLabel(interval, unit)}</td>
        </tr>
    );
}

function kwhOrDash(wh: bigint | null): string {
    return wh === null ? "–" : formatKwh(wh);
}
