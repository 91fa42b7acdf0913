import { api } from '../api.ts';
import { html, useState } from '../preact.js';
import { shellWord } from '../texts.ts';
import { ActionForm } from './action-form.ts';
import { Command } from './command.ts';
import { Field } from './field.ts';

export interface SecretFormOptions {
  namespace: string;
  /** Of the one that gets another value; empty for a new one. */
  known: string;
  onDone: () => void;
  onCancel: () => void;
}

/** Writes the value of a secret, from a field or a file. */
export function SecretForm({ namespace, known, onDone, onCancel }: SecretFormOptions) {
  const [name, setName] = useState(known);
  const [value, setValue] = useState('');
  const [file, setFile] = useState<File | undefined>(undefined);
  const write = async () => {
    // Of text without what is around it, as faas-cli does.
    const content = file ? { rawValue: await base64Of(file) } : { value: value.trim() };
    const body = { name: name.trim(), namespace, ...content };
    await api.json('/system/secrets', { method: known ? 'PUT' : 'POST', body });
    onDone();
  };
  const verb = known ? 'update' : 'create';
  const where = namespace && ` --namespace ${shellWord(namespace)}`;
  return html`<${ActionForm}
      title=${known ? `Another value for ${known}` : 'New secret'}
      verb=${known ? 'Update' : 'Create'}
      work=${write}
      onCancel=${onCancel}
    >
      ${!known && html`<${Field} name="secret" label="Name" required=${true} value=${name} onValue=${setName} />`}
      <label>
        Value; blanks and line breaks around it are left out
        <textarea
          rows="3"
          required=${!file}
          disabled=${file}
          autocomplete="off"
          spellcheck=${false}
          value=${value}
          onInput=${(event: Event) => setValue((event.target as HTMLTextAreaElement).value)}
        />
      </label>
      <label>
        Or a file, byte by byte
        <input type="file" onChange=${(event: Event) => setFile((event.target as HTMLInputElement).files?.[0])} />
      </label>
    <//>
    <p class="hint">The same by faas-cli:</p>
    <${Command} text=${`faas-cli secret ${verb} ${shellWord(name.trim() || 'NAME')}${where} --from-file FILE`} />`;
}

async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
