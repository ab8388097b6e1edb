import { type ReactNode, useEffect, useRef } from "react";
import { formatCount, formatCounted, formatShare, groupHex, shortHex } from "../format.ts";
import { HomeTabs } from "../household/home-tabs.tsx";
import { KeyPicker } from "../household/key-picker.tsx";
import { prunedBillNote } from "../household/labels.ts";
import { stretchName } from "../sharing/words.ts";
import "../styles/bill.css";
import "../styles/household.css";
import { Icon } from "../ui/icons.tsx";
import { Notice } from "../ui/notice.tsx";
import type { BillView } from "./messages.ts";
import { useBill } from "./use-bill.ts";

/** Checks a bill that proves itself; for anybody, without a key. */
export function BillPage(): ReactNode {
    const { state, check } = useBill();
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    return (
        <div className="page page-narrow">
            <HomeTabs current="bill" />
            <div className="headline">
                <h1 ref={heading} tabIndex={-1}>
                    Check a bill
                </h1>
                <p className="lead">
                    A bill that proves itself says what is to be paid, and carries 32 bytes with
                    which anybody can check the amount against what the meter signed. No reading is
                    seen, and no key is needed.
                </p>
            </div>
            <KeyPicker
                onFile={check}
                busy={state.type === "checking" ? "Fetching and checking …" : null}
                name="a bill"
                icon="list"
                promise="The file stays in your browser; only what it names is asked for."
                testId="bill-input"
            />
            {state.type === "fails" && (
                <Notice kind="fault" title={state.problem.title} code={state.problem.code}>
                    <p>{state.problem.text}</p>
                </Notice>
            )}
            {state.type === "holds" && <BillCard bill={state.bill} />}
        </div>
    );
}

function BillCard({ bill }: { readonly bill: BillView }): ReactNode {
    const { currency, fromUnix, lines, providerName, tariffName, toUnix, total, zone } = bill;
    return (
        <section className="card" aria-labelledby="bill-title" data-testid="bill">
            <div className="bill-head">
                <h2 id="bill-title">{stretchName(fromUnix, toUnix, zone)}</h2>
                <span className="status status-holds">
                    <Icon name="holds" />
                    This bill is right
                </span>
            </div>
            <p className="bill-total" data-testid="bill-total">
                {total} <span>{currency}</span>
            </p>
            <p className="hint">
                {tariffName}, of {providerName === "" ? "a provider without a name" : providerName}
            </p>
            <table>
                <caption className="hidden">Lines of the bill, in {currency}</caption>
                <tbody>
                    {lines.map(({ amount, name }) => (
                        <tr key={name}>
                            <th scope="row">{name}</th>
                            <td className="number">{amount}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
            <Checked bill={bill} />
            <Details bill={bill} />
        </section>
    );
}

/** What was checked, in words. */
function Checked({ bill }: { readonly bill: BillView }): ReactNode {
    const { measured, prunedBeforeUnix, records, signatures, slots, tariffLeaf, zone } = bill;
    const pruned = prunedBeforeUnix === null ? "" : ` ${prunedBillNote(prunedBeforeUnix, zone)}`;
    const facts: readonly (readonly [string, string])[] = [
        [
            "The meter signed what it is made of",
            `${formatCounted(records, "record")}, ${formatCounted(signatures, "signature")}, all in the ledger.${pruned}`,
        ],
        [
            "The prices are the published ones",
            `The tariff is entry ${formatCount(tariffLeaf)} of the ledger, signed by its provider.`,
        ],
        [
            "The amount follows from both",
            "Prices times the commitments of the meter give exactly this amount; one unit more or less would not.",
        ],
        [
            `${formatShare(measured / slots)} of the time was measured`,
            `${formatCount(measured)} of ${formatCounted(slots, "interval")}${measured === slots ? "." : "; what flowed in the others is counted where it was read."}`,
        ],
    ];
    return (
        <ul className="bill-checks">
            {facts.map(([title, text]) => (
                <li key={title}>
                    <Icon name="holds" />
                    <span>
                        <strong>{title}</strong>
                        <small>{text}</small>
                    </span>
                </li>
            ))}
        </ul>
    );
}

function Details({ bill }: { readonly bill: BillView }): ReactNode {
    const { checkMs, meterHex, networkHex, tariffHex } = bill;
    return (
        <details>
            <summary>Technical details</summary>
            <dl className="facts">
                <div>
                    <dt>Meter</dt>
                    <dd>
                        <code>{groupHex(meterHex)}</code>
                    </dd>
                </div>
                <div>
                    <dt>Network, which the bill names: compare it with the one you know</dt>
                    <dd>
                        <code>{networkHex}</code>
                    </dd>
                </div>
                <div>
                    <dt>Tariff</dt>
                    <dd>
                        <code title={tariffHex}>{shortHex(tariffHex, 16)}</code>
                    </dd>
                </div>
                <div>
                    <dt>Checked</dt>
                    <dd>in {formatCount(Math.max(1, checkMs))} ms by this browser</dd>
                </div>
            </dl>
        </details>
    );
}
