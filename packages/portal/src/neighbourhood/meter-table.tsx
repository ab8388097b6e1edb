import type { ReactNode } from "react";
import type { Meter } from "../api/client.ts";
import { formatCount, formatCounted, shortHex } from "../format.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Moment } from "../ui/moment.tsx";

/** The fleet: who reports, how much, and where something is missing. */
export function MeterTable({ meters }: { readonly meters: readonly Meter[] }): ReactNode {
    return (
        <section className="card columns-main" aria-labelledby="meters-title">
            <h2 id="meters-title">Meters</h2>
            {meters.length === 0 ? (
                <p className="empty">
                    No meter is enrolled yet. Meters appear here as soon as the operator admits
                    them.
                </p>
            ) : (
                <>
                    <table className="meters">
                        <thead>
                            <tr>
                                <th scope="col">Meter</th>
                                <th scope="col">Last record</th>
                                <th scope="col" className="number wide">
                                    Records
                                </th>
                                <th scope="col" className="number wide">
                                    Readings
                                </th>
                                <th scope="col" className="number">
                                    Gaps
                                </th>
                                <th scope="col">Status</th>
                            </tr>
                        </thead>
                        {streetsOf(meters).map(([street, members]) => (
                            <tbody key={street}>
                                {street !== "" && (
                                    <tr className="street">
                                        <th scope="rowgroup" colSpan={6}>
                                            {street}
                                            <small>{formatCounted(members.length, "meter")}</small>
                                        </th>
                                    </tr>
                                )}
                                {members.map((meter) => (
                                    <MeterRow key={meter.subject} meter={meter} />
                                ))}
                            </tbody>
                        ))}
                    </table>
                    <p className="hint">
                        A meter goes by a random pseudonym. Times are local to the meter. Gaps are
                        intervals that the meter itself marked as not read.
                    </p>
                </>
            )}
        </section>
    );
}

/** Meters by street, in the order in which streets first appear; without one under an empty name. */
function streetsOf(meters: readonly Meter[]): readonly (readonly [string, readonly Meter[]])[] {
    return [...Map.groupBy(meters, ({ street }) => street ?? "")];
}

function MeterRow({ meter }: { readonly meter: Meter }): ReactNode {
    const status = statusOf(meter);
    return (
        <tr>
            <th scope="row">
                <code title={meter.subject}>{shortHex(meter.subject)}</code>
            </th>
            <td>
                {meter.lastRecordUnix === null ? (
                    "–"
                ) : (
                    <Moment unix={meter.lastRecordUnix} zone={meter.zone ?? "UTC"} />
                )}
            </td>
            <td className="number wide">{formatCount(meter.records)}</td>
            <td className="number wide">{formatCount(meter.readings)}</td>
            <td className="number">{describeGaps(meter)}</td>
            <td>
                <span className={`status status-${status.icon}`}>
                    <Icon name={status.icon} />
                    {status.text}
                </span>
            </td>
        </tr>
    );
}

function describeGaps({ missingIntervals, holes }: Meter): string {
    if (holes === 0) return missingIntervals === 0 ? "none" : formatCount(missingIntervals);
    return `${formatCount(missingIntervals)} + ${formatCounted(holes, "hole")}`;
}

function statusOf(meter: Meter): { icon: IconName; text: string } {
    if (meter.frozen) return { icon: "fault", text: "Frozen" };
    if (meter.records === 0 || meter.pendingRecords > 0)
        return { icon: "waiting", text: "Waiting" };
    const { provisionalReadings = 0 } = meter;
    if (provisionalReadings > 0)
        return { icon: "waiting", text: `${formatCount(provisionalReadings)} provisional` };
    return { icon: "holds", text: "OK" };
}
