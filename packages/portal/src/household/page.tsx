import type { ReactNode } from "react";
import "../styles/household.css";
import "../styles/energy.css";
import "../styles/heat.css";
import "../styles/verify.css";
import type { Meter } from "../api/client.ts";
import type { Route } from "../route.ts";
import { SharingPage } from "../sharing/page.tsx";
import { DemoKeys } from "../start/questions.tsx";
import { Notice } from "../ui/notice.tsx";
import { KeyPicker } from "./key-picker.tsx";
import { OpenHousehold } from "./open-household.tsx";
import { UnlockForm } from "./passphrase.tsx";
import type { Household } from "./use-household.ts";
import type { Stage } from "./vault/messages.ts";

/** What each stage of the opening does, in order. */
const STAGES: Readonly<Record<Stage, string>> = {
    key: "Reading the key file …",
    fetch: "Fetching the sealed records and their proofs …",
    check: "Verifying and opening, here in your browser …",
};

type HouseholdPageProps = {
    readonly household: Household;
    /** Whether the network is a demonstration, whose keys lie in its data directory. */
    readonly isReplay: boolean;
    /** Which page of the home is asked for, and its address. */
    readonly route: Route;
    readonly hash: string;
    readonly meters: readonly Meter[];
};

/** A household's own page: first the key, then the data. */
export function HouseholdPage({
    household,
    isReplay,
    route,
    hash,
    meters,
}: HouseholdPageProps): ReactNode {
    const { state, open } = household;
    if (state.kind === "open") {
        if (route === "sharing") return <SharingPage home={state.home} household={household} />;
        return <OpenHousehold state={state} household={household} hash={hash} meters={meters} />;
    }
    return (
        <div className="page page-narrow">
            <div className="headline">
                <h1>Open my home</h1>
                <p className="lead">
                    With your key file this page fetches your sealed readings, checks every
                    signature, and shows what you used.
                </p>
            </div>
            {state.kind === "failed" && (
                <Notice kind="fault" title={state.problem.title} code={state.problem.code}>
                    <p>{state.problem.text}</p>
                </Notice>
            )}
            {household.isRemembered === true && (
                <UnlockForm household={household} isBusy={state.kind === "opening"} />
            )}
            <KeyPicker
                onFile={open}
                busy={state.kind === "opening" ? STAGES[state.stage] : null}
                name="your key file"
                testId="key-input"
            />
            <section className="card explain" aria-labelledby="explain-title">
                <h2 id="explain-title">What happens with the key</h2>
                <ul>
                    <li>The browser reads the file and keeps the key in memory, nowhere else.</li>
                    <li>
                        Only the meter's random number goes to the server, to ask for its sealed
                        readings.
                    </li>
                    <li>A reload or closing the page ends it, unless you let it be remembered.</li>
                </ul>
                <p className="hint">
                    This page comes from the server: it keeps these promises as long as its operator
                    does. The program <code>meterseal usage</code> shows the same without that
                    trust.
                </p>
                {isReplay && (
                    <p className="hint">
                        <strong>No key at hand?</strong> <DemoKeys />
                    </p>
                )}
            </section>
        </div>
    );
}
