import type { ReactNode } from "react";
import { formatDate, formatTime } from "../format.ts";

type MomentProps = {
    /** Seconds since 1970. */
    readonly unix: number;
    readonly zone: string;
};

/** Date and time of day in a zone; breaks between the two and nowhere else. */
export function Moment({ unix, zone }: MomentProps): ReactNode {
    const date = formatDate(unix, zone, { day: "numeric", month: "short", year: "numeric" });
    return (
        <time dateTime={new Date(unix * 1000).toISOString()}>
            <span className="whole">{date},</span>{" "}
            <span className="whole">{formatTime(unix, zone)}</span>
        </time>
    );
}
