import type { ReactNode } from "react";
import { formatCounted } from "../format.ts";
import { Icon } from "../ui/icons.tsx";
import type { OpenHome } from "./vault/messages.ts";

type SealProps = { readonly home: OpenHome; readonly isSound: boolean };

/** Identifier of the heading that the seal leads to. */
export const VERIFY_HEADING = "verify-title";

/** What this device checked, in one line; leads to the details. */
export function Seal({ home, isSound }: SealProps): ReactNode {
    const signatures = home.verdicts.signature.checked;
    return (
        <button
            type="button"
            className={`seal seal-${isSound ? "holds" : "fault"}`}
            onClick={() => document.getElementById(VERIFY_HEADING)?.focus()}
            data-testid="seal"
        >
            <Icon name={isSound ? "holds" : "fault"} />
            <span>
                <strong>{isSound ? "Verified on your device" : "Verification failed"}</strong>
                <small>
                    {formatCounted(home.records, "record")},{" "}
                    {formatCounted(signatures, "signature")}
                </small>
            </span>
        </button>
    );
}
