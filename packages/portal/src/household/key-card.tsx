import type { ReactNode } from "react";
import type { Household } from "./use-household.ts";

type KeyCardProps = { readonly household: Household };

/** What becomes of the key: it ends with this page unless it is remembered. */
export function KeyCard({ household }: KeyCardProps): ReactNode {
    return (
        <section className="card" aria-labelledby="key-title">
            <h2 id="key-title">Your key</h2>
            <p className="hint">
                It is in this browser's memory only. A reload or closing the page forgets it.
            </p>
            <button type="button" className="button" onClick={household.forget}>
                Close and forget the key
            </button>
        </section>
    );
}
