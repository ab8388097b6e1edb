import { type ReactNode, useEffect, useId, useState } from "react";
import { fetchLastRecord, type Meter, type Network } from "../api/client.ts";
import { formatCount, formatMoment, groupHex, shortHex } from "../format.ts";
import { Icon } from "../ui/icons.tsx";
import { Moment } from "../ui/moment.tsx";
import { type PublicRecord, readPublicRecord } from "./last-record.ts";

type SealedRowProps = { readonly network: Network; readonly meters: readonly Meter[] };

/** One real record as it lies on the server: what is readable in it and what is not. */
export function SealedRow({ network, meters }: SealedRowProps): ReactNode {
    const selectId = useId();
    const reporting = meters.filter((meter) => meter.records > 0);
    const [chosen, setChosen] = useState<string | null>(null);
    const meter = reporting.find(({ subject }) => subject === chosen) ?? reporting[0];
    const record = useLastRecord(meter);
    const isOpen = network.mode === "open" || (network.mode === "mixed" && !record?.isSealed);
    return (
        <section className="card columns-side" aria-labelledby="knows-title">
            <h2 id="knows-title">
                {isOpen
                    ? "What this server knows about your consumption: all of it"
                    : "What this server knows about your consumption: nothing"}
            </h2>
            <p>
                {isOpen
                    ? "This stream is open: registers arrive in plain numbers, and everybody who can read this ledger can read them. They are signed and chained all the same, and the ledger refuses a register that runs backwards."
                    : "The key that opens these registers was made in the household and never left it. The server sees that a meter reports, when, and which intervals it could not read; how much was used it cannot know."}
            </p>
            {meter === undefined ? (
                <p className="empty">
                    As soon as a meter has reported, its last record shows here.
                </p>
            ) : (
                <>
                    <div className="field-row">
                        <label htmlFor={selectId}>Last record of meter</label>
                        <select
                            id={selectId}
                            value={meter.subject}
                            onChange={(event) => setChosen(event.target.value)}
                        >
                            {reporting.map(({ subject }) => (
                                <option key={subject} value={subject}>
                                    {shortHex(subject)}
                                </option>
                            ))}
                        </select>
                    </div>
                    {record !== null && <RecordView record={record} zone={meter.zone ?? "UTC"} />}
                </>
            )}
        </section>
    );
}

/** The last record of a meter; fetched again when the meter has a new one. */
function useLastRecord(meter: Meter | undefined): PublicRecord | null {
    const [record, setRecord] = useState<PublicRecord | null>(null);
    const subject = meter?.subject;
    const records = meter?.records ?? 0;
    useEffect(() => {
        if (subject === undefined || records === 0) return;
        let stale = false;
        const load = async (): Promise<void> => {
            const bytes = await fetchLastRecord(subject).catch(() => null);
            if (!stale && bytes !== null) setRecord(readPublicRecord(bytes));
        };
        void load();
        return () => {
            stale = true;
        };
    }, [subject, records]);
    return record !== null && record.subject === subject ? record : null;
}

type RecordViewProps = { readonly record: PublicRecord; readonly zone: string };

function RecordView({ record, zone }: RecordViewProps): ReactNode {
    return (
        <>
            <table className="registers" data-testid="sealed-registers">
                <caption>
                    {record.isSealed ? "Registers, sealed" : "Registers, plain"} (first{" "}
                    {record.boundaries.length} of {formatCount(record.count)})
                </caption>
                <thead>
                    <tr>
                        <th scope="col">Reading at</th>
                        <th scope="col">{record.isSealed ? "Sealed value, 8 bytes" : "Wh"}</th>
                    </tr>
                </thead>
                <tbody>
                    {record.boundaries.map(({ unix, value }) => (
                        <tr key={unix}>
                            <th scope="row">
                                <Moment unix={unix} zone={zone} />
                            </th>
                            <td>
                                <code>{record.isSealed ? groupHex(value) : value}</code>
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
            <details>
                <summary>Signed and public in this record</summary>
                <dl className="facts">
                    <Fact label="Record number">{formatCount(record.seq)}</Fact>
                    <Fact label="Meter's clock">{formatMoment(record.timeUnix, zone)}</Fact>
                    <Fact label="Size">{formatCount(record.bytes)} bytes</Fact>
                    <Fact label="Pseudonym">
                        <code>{record.subject}</code>
                    </Fact>
                    <Fact label="Hash of the record before">
                        <code>{record.prev}</code>
                    </Fact>
                    <Fact label="Key id">
                        <code>{record.kid}</code>
                    </Fact>
                    <Fact label="Signature">
                        <code>{record.signature}</code>
                    </Fact>
                </dl>
            </details>
            {record.isSealed && (
                <p className="hint with-icon">
                    <Icon name="lock" />
                    <span>
                        Registers that follow one another look unrelated: each is masked by a key of
                        its own.
                    </span>
                </p>
            )}
        </>
    );
}

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
    return (
        <div>
            <dt>{label}</dt>
            <dd>{children}</dd>
        </div>
    );
}
