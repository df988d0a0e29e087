/** Where what is told in passing is shown. */
import { countText } from "../format.ts";
import { putAway, toasts, unseen, type Toast } from "./tell.ts";

export { tell, tellError } from "./tell.ts";

/** The shell has it, and each dialog, since nothing outside of an open dialog can be reached or is read out. */
export function Toasts() {
  return (
    <div class="toasts">
      <div role="status">
        {toasts.value
          .filter(({ isError }) => !isError)
          .map((toast) => (
            <ToastCard key={toast.text} toast={toast} />
          ))}
      </div>
      <div role="alert">
        {toasts.value
          .filter(({ isError }) => isError)
          .map((toast) => (
            <ToastCard key={toast.text} toast={toast} />
          ))}
        {unseen.value > 0 && <p class="dim">{countText(unseen.value)} more came before</p>}
      </div>
    </div>
  );
}

function ToastCard({ toast }: { toast: Toast }) {
  const { text, isError, times, action } = toast;
  return (
    <p class="toast" data-error={isError}>
      <span title={text}>
        {text}
        {times > 1 && ` (${countText(times)} times)`}
      </span>
      {action && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            putAway(toast);
            action.run();
          }}
        >
          {action.label}
        </button>
      )}
      <button type="button" class="quiet" aria-label={`Put away: ${text}`} onClick={() => putAway(toast)}>
        ✕
      </button>
    </p>
  );
}
