/**
 * What makes each shell ask `queuectl __complete` for candidates.
 *
 * The answer's first line says what the shell has to complete itself (`nothing`, `files`, `folders`, `command`);
 * each further line is a candidate, a tab and a note, or, for bash, what is to be inserted.
 */

/** The shells that can be served. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** The name of a shell. */
export type Shell = typeof SHELLS[number];

const BASH = `# Completion of queuectl in bash. To have it in every shell, put this line into ~/.bashrc:
#   eval "$(queuectl completions bash)"
_queuectl() {
  local program=queuectl line
  COMPREPLY=()
  # The program that was typed may be another one than that in the path.
  [[ $1 == */* && -x $1 ]] && program=$1
  local -a answer=()
  while IFS= read -r line; do answer+=("$line"); done < <(
    if [[ $program == queuectl ]]; then
      queuectl __complete bash "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null
    else
      "$program" __complete bash "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null
    fi
  )
  case \${answer[0]} in
    files) compopt -o default -o filenames 2>/dev/null ;;
    folders) compopt -o dirnames -o filenames 2>/dev/null ;;
    command)
      local index=1
      while [[ \${COMP_WORDS[index]} != -- ]] && ((index < COMP_CWORD)); do ((index++)); done
      if declare -F _command_offset >/dev/null; then
        _command_offset $((index + 1))
      elif ((COMP_CWORD == index + 1)); then
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "$2")
      else
        compopt -o default -o filenames 2>/dev/null
      fi
      ;;
    *)
      # In our order; what bash finds itself it has to sort, or it would not notice what it found twice.
      type compopt &>/dev/null && compopt -o nosort 2>/dev/null
      COMPREPLY=("\${answer[@]:1}")
      ;;
  esac
}
complete -F _queuectl queuectl
`;

const ZSH = `#compdef queuectl
# Completion of queuectl in zsh. To have it in every shell, put this line into ~/.zshrc, below compinit:
#   eval "$(queuectl completions zsh)"
_queuectl() {
  local program=\${(Q)words[1]} line
  [[ $program == */* && -x $program ]] || program=queuectl
  local -a typed answer candidates shown
  typed=("\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}")
  (( CURRENT == 2 )) && typed=("\${(Q)PREFIX}")
  answer=("\${(@f)$($program __complete words $#typed "\${typed[@]}" 2>/dev/null)}")
  case $answer[1] in
    files) _files; return ;;
    folders) _files -/; return ;;
    command)
      local -i index=\${words[(i)--]}
      shift $index words
      (( CURRENT -= index ))
      _normal
      return
      ;;
  esac
  for line in "\${(@)answer[2,-1]}"; do
    [[ -n $line ]] || continue
    candidates+=("\${line%%$'\\t'*}")
    shown+=("\${line%%$'\\t'*}\${\${line#*$'\\t'}:+  -- \${line#*$'\\t'}}")
  done
  (( $#candidates )) && compadd -V queuectl -l -d shown -a candidates
}
if [[ $funcstack[1] == _queuectl ]]; then
  _queuectl "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _queuectl queuectl
fi
`;

const FISH = `# Completion of queuectl in fish. To have it in every shell:
#   queuectl completions fish > ~/.config/fish/completions/queuectl.fish
function __queuectl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    command -q -- $program; or set program queuectl
    set -e words[1]
    set -l plain (string unescape -- $current 2>/dev/null; or string unescape -- $current"'" 2>/dev/null; or string unescape -- $current'"' 2>/dev/null; or echo -- $current)
    test (count $plain) -eq 1; or set plain $current
    set -l answer ($program __complete words (math (count $words) + 1) $words $plain 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path $current
        case folders
            __fish_complete_directories $current ''
        case command
            set -l index (contains -i -- -- $words)
            complete -C (string join -- ' ' (string escape -- $words[(math $index + 1)..]) $current)
        case '*'
            for line in $answer[2..]
                echo -- $line
            end
    end
end
complete -c queuectl -f -k -a '(__queuectl_complete)'
`;

const POWERSHELL =
  `# Completion of queuectl in PowerShell. To have it in every shell, put this line into $PROFILE:
#   queuectl completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName queuectl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or $_.Extent.Text -ne $wordToComplete } |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        })
    $current = $wordToComplete.Trim([char[]]@([char]39, [char]34))
    # An empty last word may get lost on its way, so the number of words goes first.
    $answer = @(& queuectl __complete words ($words.Count + 1) @words $current 2>$null)
    $answer | Select-Object -Skip 1 | ForEach-Object {
        $word, $note = $_ -split "\`t", 2
        $text = $word
        if ($word -notmatch '^[\\w%+=:./-][\\w@%+=:./-]*$') { $text = "'" + $word.Replace("'", "''") + "'" }
        if (-not $note) { $note = $word }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $note)
    }
}
`;

/** The script that teaches a shell to complete. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
