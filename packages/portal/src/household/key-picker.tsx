import {
    type ChangeEvent,
    type DragEvent,
    type ReactNode,
    useEffect,
    useId,
    useState,
} from "react";
import { Icon, type IconName } from "../ui/icons.tsx";

type KeyPickerProps = {
    onFile(file: File): void;
    /** What is going on with a chosen file; null while none is. */
    readonly busy: string | null;
    /** What the file is called here. */
    readonly name: string;
    /** What becomes of the file. */
    readonly promise?: string;
    readonly icon?: IconName;
    readonly testId: string;
};

/** Takes a key file by drop, by click or by keyboard. */
export function KeyPicker(props: KeyPickerProps): ReactNode {
    const { onFile, busy, icon = "key", name, testId } = props;
    const { promise = "This file stays in your browser; it is never sent." } = props;
    const inputId = useId();
    const [isOver, setOver] = useState(false);
    useStrayDrops();
    const onDrop = (event: DragEvent): void => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer.files[0];
        if (file !== undefined) onFile(file);
    };
    const onChange = (event: ChangeEvent<HTMLInputElement>): void => {
        const file = event.target.files?.[0];
        // Emptied, so that choosing the same file again is a change again.
        if (file !== undefined) onFile(file);
        event.target.value = "";
    };
    return (
        <div className="picker">
            <input
                id={inputId}
                className="picker-input"
                type="file"
                accept=".json,.key,application/json"
                onChange={onChange}
                disabled={busy !== null}
                data-testid={testId}
            />
            <label
                htmlFor={inputId}
                className="picker-area"
                data-over={isOver}
                data-busy={busy !== null}
                onDragOver={(event) => {
                    event.preventDefault();
                    setOver(true);
                }}
                onDragLeave={() => setOver(false)}
                onDrop={onDrop}
            >
                <Icon name={icon} />
                <span className="picker-text" aria-live="polite">
                    {busy ?? (
                        <>
                            <strong>Drop {name} here</strong> or{" "}
                            <span className="picker-link">choose it</span>
                        </>
                    )}
                </span>
                {busy !== null && <span className="progress" aria-hidden="true" />}
                <span className="picker-promise">
                    <Icon name="lock" />
                    {promise}
                </span>
            </label>
        </div>
    );
}

/** A file dropped beside the area must not make the browser leave the page and show the key. */
function useStrayDrops(): void {
    useEffect(() => {
        const ignore = (event: Event): void => event.preventDefault();
        window.addEventListener("dragover", ignore);
        window.addEventListener("drop", ignore);
        return () => {
            window.removeEventListener("dragover", ignore);
            window.removeEventListener("drop", ignore);
        };
    }, []);
}
