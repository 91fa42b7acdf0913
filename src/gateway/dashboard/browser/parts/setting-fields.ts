import { knownSettings, type KnownSetting } from '../known-settings.ts';
import { html } from '../preact.js';
import { Field } from './field.ts';

export interface SettingFieldsOptions {
  settings: Record<string, string>;
  /** The setting that berth complains of. */
  field: string;
  problem: string;
  onSettings: (settings: Record<string, string>) => void;
}

/** The labels and annotations that berth knows, by what they are about. */
export function SettingFields({ settings, field, problem, onSettings }: SettingFieldsOptions) {
  return knownSettings.map(({ title, settings: group }) => {
    const count = group.filter(({ name }) => settings[name]).length;
    const isOpen = group.some(({ name }) => name === field);
    return html`<details key=${title} open=${isOpen || undefined}>
      <summary>${title}${count > 0 && ` (${count} set)`}</summary>
      <div class="fields">
        ${group.map(
          ({ name, help, values }: KnownSetting) =>
            html`<${Field}
              key=${name}
              name=${name}
              label=${name}
              help=${help}
              values=${values}
              value=${settings[name] ?? ''}
              problem=${name === field ? problem : ''}
              onValue=${(value: string) => onSettings({ ...settings, [name]: value })}
            />`,
        )}
      </div>
    </details>`;
  });
}
