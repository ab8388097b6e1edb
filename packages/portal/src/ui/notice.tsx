import type { ReactNode } from "react";
import { Icon, type IconName } from "./icons.tsx";

type NoticeProps = {
    readonly kind: "fault" | "quiet";
    readonly title: string;
    readonly icon?: IconName;
    /** Error code, shown so that it can be looked up. */
    readonly code?: string | null;
    readonly children?: ReactNode;
};

/** A message that needs attention; announced to screen readers when it appears. */
export function Notice({ kind, title, icon = "alert", code, children }: NoticeProps): ReactNode {
    return (
        <div className={`notice notice-${kind}`} role={kind === "fault" ? "alert" : "status"}>
            <Icon name={icon} />
            <div className="notice-text">
                <p className="notice-title">{title}</p>
                {children}
                {code != null && (
                    <p className="notice-code">
                        Error code <code>{code}</code>
                    </p>
                )}
            </div>
        </div>
    );
}
