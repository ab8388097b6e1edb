import type { ReactNode } from "react";
import type { Meter } from "../api/client.ts";
import { formatCounted } from "../format.ts";
import { Notice } from "../ui/notice.tsx";

type ProvisionalNoticeProps = {
    /** What the server can know of meters. */
    readonly meters: readonly Meter[];
    /** Subject of the home's meter. */
    readonly meter: string;
};

/** Says that readings came which the meter has not signed yet; they are in no figure of the page. */
export function ProvisionalNotice({ meters, meter }: ProvisionalNoticeProps): ReactNode {
    const count = meters.find(({ subject }) => subject === meter)?.provisionalReadings ?? 0;
    if (count === 0) return null;
    return (
        <Notice
            kind="quiet"
            icon="waiting"
            title={`Provisional: ${formatCounted(count, "reading")}`}
        >
            <p>
                Your meter sent this by radio and has not signed it yet. No figure here counts it
                before the signature came.
            </p>
        </Notice>
    );
}
