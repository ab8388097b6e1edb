import type { ReactNode } from "react";
import { RememberForm } from "./passphrase.tsx";
import type { Household } from "./use-household.ts";

type KeyCardProps = { readonly household: Household };

/** What becomes of the key: it ends with this page unless it is remembered. */
export function KeyCard({ household }: KeyCardProps): ReactNode {
    const isRemembered = household.isRemembered === true;
    return (
        <section className="card" aria-labelledby="key-title" data-testid="key-card">
            <h2 id="key-title">Your key</h2>
            <p className="hint" role="status">
                {isRemembered
                    ? "A key is remembered on this device, locked with a passphrase."
                    : "It is in this browser's memory only. A reload or closing the page forgets it."}
            </p>
            {isRemembered ? (
                <button type="button" className="link" onClick={household.forgetRemembered}>
                    Forget the key on this device
                </button>
            ) : (
                <RememberForm household={household} />
            )}
            <button type="button" className="button" onClick={household.close}>
                {isRemembered ? "Lock" : "Close and forget the key"}
            </button>
        </section>
    );
}
