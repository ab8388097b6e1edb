import { Component, type ReactNode } from "react";
import { Notice } from "./notice.tsx";

type FailureBoundaryProps = { readonly children: ReactNode };

/** Shows a message instead of an empty page where the portal itself fails. */
export class FailureBoundary extends Component<FailureBoundaryProps, { hasFailed: boolean }> {
    override state = { hasFailed: false };

    static getDerivedStateFromError(): { hasFailed: boolean } {
        return { hasFailed: true };
    }

    override render(): ReactNode {
        if (!this.state.hasFailed) return this.props.children;
        return (
            <Notice kind="fault" title="The portal itself failed" code="MS_INTERNAL">
                <p>
                    This page could not be shown, or a part of it did not load. Reload it; if it
                    stays, please report it.
                </p>
            </Notice>
        );
    }
}
