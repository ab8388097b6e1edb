import type { AmountsBy } from "@meterseal/provider";
import { unitOfMedium } from "@meterseal/record";
import { type ReactNode, useEffect, useRef } from "react";
import { formatCount, formatCounted, formatKwh, shortHex } from "../format.ts";
import { IntervalTable } from "../household/interval-table.tsx";
import { KeyPicker } from "../household/key-picker.tsx";
import { UnitContext } from "../household/unit.ts";
import type { Problem } from "../household/vault/messages.ts";
import { Picture, topPowerW } from "../sharing/picture.tsx";
import { openingWords, stretchName } from "../sharing/words.ts";
import "../styles/bill.css";
import "../styles/energy.css";
import "../styles/household.css";
import "../styles/sharing.css";
import { Icon } from "../ui/icons.tsx";
import { Notice } from "../ui/notice.tsx";
import type {
    CheckView,
    Opened,
    OpenedAmount,
    OpenedSums,
    ReceivedGrant,
    UselessGrant,
} from "./messages.ts";
import { useProvider } from "./use-provider.ts";

/** What a provider was granted, and the sums that open: these and nothing else. */
export function ProviderPage(): ReactNode {
    const { state, load, read } = useProvider();
    const { isLoading, opened, problem, received } = state;
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    return (
        <div className="page">
            <div className="headline">
                <h1 ref={heading} tabIndex={-1}>
                    {received === null ? "For providers" : received.name || "Your grants"}
                </h1>
                <p className="lead">
                    Households decide which sums a provider sees. With its key this page opens the
                    sums that were granted to it, verified from the meter's signature on; more than
                    them nobody can open with it.
                </p>
            </div>
            {problem !== null && <Trouble problem={problem} />}
            {received === null ? (
                <KeyPicker
                    onFile={load}
                    busy={isLoading ? "Reading the key, fetching what was granted …" : null}
                    name="provider.key"
                    testId="provider-input"
                />
            ) : (
                received.grants.length + received.useless.length === 0 && (
                    <Notice kind="quiet" icon="lock" title="Nothing was granted yet">
                        <p>Households find this provider by its name when they grant something.</p>
                    </Notice>
                )
            )}
            {received !== null && received.missing.length > 0 && (
                <Notice kind="quiet" title="Not all grants are here">
                    <p>
                        {received.missing.join(" ")} On the command line,{" "}
                        <code>meterseal provider grants</code> lists all of them.
                    </p>
                </Notice>
            )}
            {received?.grants.map((grant) => (
                <ReceivedCard
                    key={grant.hashHex}
                    grant={grant}
                    opened={opened.get(grant.hashHex)}
                    onRead={read}
                />
            ))}
            {received?.useless.map((useless) => (
                <Useless key={useless.hashHex} useless={useless} />
            ))}
        </div>
    );
}

function Trouble({ problem }: { readonly problem: Problem }): ReactNode {
    return (
        <Notice kind="fault" title={problem.title} code={problem.code}>
            <p>{problem.text}</p>
        </Notice>
    );
}

function Useless({ useless }: { readonly useless: UselessGrant }): ReactNode {
    return (
        <section className="card" data-testid="useless">
            <p>
                <strong>{useless.problem.title}</strong>{" "}
                <code title={useless.hashHex}>{shortHex(useless.hashHex)}</code>
            </p>
            <p className="hint">{useless.problem.text}</p>
        </section>
    );
}

type ReceivedCardProps = {
    readonly grant: ReceivedGrant;
    /** Undefined before it is read, null while it is. */
    readonly opened: Opened | Problem | null | undefined;
    onRead(hashHex: string): void;
};

function ReceivedCard({ grant, opened, onRead }: ReceivedCardProps): ReactNode {
    const { hashHex, householdHex, meterHex, opening } = grant;
    const titleId = `grant-${hashHex}`;
    const isBusy = opened === null;
    return (
        <section
            className="card"
            aria-labelledby={titleId}
            data-testid="received"
            data-hash={hashHex}
        >
            <h2 id={titleId}>
                Household <code title={householdHex}>{shortHex(householdHex)}</code>
            </h2>
            <p className="grant-words">{openingWords(opening, "the home")}</p>
            <p className="hint">
                Meter <code title={meterHex}>{shortHex(meterHex)}</code>, grant{" "}
                <code title={hashHex}>{shortHex(hashHex)}</code>
            </p>
            {opened != null && "title" in opened && <Trouble problem={opened} />}
            {opened != null && "intervals" in opened && <Sums grant={grant} opened={opened} />}
            {opened != null && "amount" in opened && <Amount opened={opened} />}
            {opening.kind === "C" ? (
                <p className="hint">
                    A share of a neighbourhood: <code>meterseal monitor sums</code> adds them up.
                </p>
            ) : (
                <p className="actions">
                    <button
                        type="button"
                        className="button"
                        aria-disabled={isBusy}
                        onClick={() => !isBusy && onRead(hashHex)}
                        data-testid="read"
                    >
                        {isBusy
                            ? "Opening …"
                            : opened === undefined
                              ? "Open the sums"
                              : "Open again"}
                    </button>
                </p>
            )}
        </section>
    );
}

/** The one amount of a weighted sum: no reading can be taken out of it. */
function Amount({ opened }: { readonly opened: OpenedAmount }): ReactNode {
    const { amount, continuity, currency, signature, tariffLeaf, tariffName } = opened;
    return (
        <div className="sight">
            <p className="total" data-testid="provider-amount">
                <span className="total-number">{amount}</span>{" "}
                <span className="total-unit">
                    {currency} by “{tariffName}”, entry {formatCount(tariffLeaf)} of the ledger
                </span>
            </p>
            <ul className="bill-checks">
                <Check check={signature} text="Signed by the meter and the household" />
                <Check check={continuity} text="Nothing missing, all of it in the ledger" />
            </ul>
            <Faults checks={[signature, continuity]} />
            <Word amountsBy={opened.amountsBy} />
        </div>
    );
}

/** By whose word the amounts are what they are. */
function Word({ amountsBy }: { readonly amountsBy: AmountsBy }): ReactNode {
    return (
        <p className="hint" data-testid="provider-word">
            {amountsBy === "commitments"
                ? "The amounts are those that the meter committed to."
                : "The amounts themselves are the household’s word: this grant opens no commitment of the meter."}
        </p>
    );
}

/** What of a reading does not hold. */
function Faults({ checks }: { readonly checks: readonly CheckView[] }): ReactNode {
    const faults = checks.flatMap(({ fault }) => fault ?? []);
    if (faults.length === 0) return null;
    return (
        <Notice kind="fault" title="Do not rely on this">
            <ul>
                {faults.map((fault) => (
                    <li key={fault}>{fault}</li>
                ))}
            </ul>
        </Notice>
    );
}

type SumsProps = { readonly grant: ReceivedGrant; readonly opened: OpenedSums };

function Sums({ grant, opened }: SumsProps): ReactNode {
    const { intervals, totalWh } = opened;
    const { zone } = grant.opening;
    const [first, last] = [intervals[0], intervals.at(-1)];
    if (first === undefined || last === undefined) {
        return <p className="hint">None of these sums is complete yet.</p>;
    }
    const shown = { fromUnix: first.fromUnix, toUnix: last.toUnix };
    const name = stretchName(shown.fromUnix, shown.toUnix, zone);
    const checks = [opened.signature, opened.continuity, opened.sums];
    const unit = unitOfMedium(opened.medium);
    return (
        <UnitContext value={unit}>
            <div className="sight">
                <p className="total" data-testid="provider-total" data-wh={String(totalWh ?? "")}>
                    <span className="total-number">
                        {totalWh === null ? "–" : formatKwh(totalWh)}
                    </span>{" "}
                    <span className="total-unit">
                        {unit.label} in {formatCounted(intervals.length, "sum")}
                    </span>
                </p>
                <Picture
                    title={name}
                    label={`${formatCounted(intervals.length, "granted sum")}, ${name}.`}
                    intervals={intervals}
                    stretch={shown}
                    topW={topPowerW(intervals)}
                    zone={zone}
                    isOthers={true}
                />
                <IntervalTable
                    caption={`Granted sums, ${name}`}
                    heading="From – to"
                    intervals={intervals}
                    labelOf={({ fromUnix, toUnix }) => stretchName(fromUnix, toUnix, zone)}
                    before={null}
                    onOpen={null}
                    testId="provider-table"
                />
                <ul className="bill-checks">
                    <Check check={opened.signature} text="Signed by the meter and the household" />
                    <Check
                        check={opened.continuity}
                        text="Nothing missing, all of it in the ledger"
                    />
                    <Check
                        check={opened.sums}
                        text="The store's own sums are those of the records"
                    />
                </ul>
                <Faults checks={checks} />
                <Word amountsBy={opened.amountsBy} />
                <p className="hint">
                    Fetched, opened and verified in {formatCount(Math.max(1, opened.readMs))} ms by
                    this browser.
                </p>
            </div>
        </UnitContext>
    );
}

function Check({ check, text }: { readonly check: CheckView; readonly text: string }): ReactNode {
    return (
        <li data-holds={check.holds}>
            <Icon name={check.holds ? "holds" : "fault"} />
            <span>
                <strong>{text}</strong>
                <small>{formatCounted(check.checked, "thing")} checked</small>
            </span>
        </li>
    );
}
