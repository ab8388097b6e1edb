import type { ReactNode } from "react";
import "../styles/household.css";
import "../styles/energy.css";
import "../styles/heat.css";
import "../styles/verify.css";
import { Notice } from "../ui/notice.tsx";
import { KeyPicker } from "./key-picker.tsx";
import { OpenHousehold } from "./open-household.tsx";
import type { Household } from "./use-household.ts";
import type { Stage } from "./vault/messages.ts";

/** What each stage of the opening does, in order. */
const STAGES: Readonly<Record<Stage, string>> = {
    key: "Reading the key file …",
    fetch: "Fetching the sealed records and their proofs …",
    check: "Verifying and opening, here in your browser …",
};

/** A household's own page: first the key, then the data. */
export function HouseholdPage({ household }: { readonly household: Household }): ReactNode {
    const { state, open } = household;
    if (state.kind === "open") return <OpenHousehold state={state} household={household} />;
    return (
        <div className="page page-narrow">
            <div className="headline">
                <h1>Open your home</h1>
                <p className="lead">
                    Your readings lie sealed on the server. With your key file this page fetches
                    them, verifies every signature and proof, and opens them.
                </p>
            </div>
            {state.kind === "failed" && (
                <Notice kind="fault" title={state.problem.title} code={state.problem.code}>
                    <p>{state.problem.text}</p>
                </Notice>
            )}
            <KeyPicker onFile={open} busy={state.kind === "opening" ? STAGES[state.stage] : null} />
            <section className="card explain" aria-labelledby="explain-title">
                <h2 id="explain-title">What happens with the key</h2>
                <ul>
                    <li>The browser reads the file and keeps the key in memory, nowhere else.</li>
                    <li>
                        Only the meter's public pseudonym goes to the server, to ask for its sealed
                        records.
                    </li>
                    <li>“Forget this key”, a reload or closing the page ends it.</li>
                </ul>
                <p className="hint">
                    In the demo each home has a key file in the data directory, under{" "}
                    <code>households</code>, in a folder by its name: <code>key.json</code>.
                </p>
            </section>
        </div>
    );
}
