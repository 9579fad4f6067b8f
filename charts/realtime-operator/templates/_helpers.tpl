{{/* Name of the chart, for the label app.kubernetes.io/name. */}}
{{- define "realtime-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}

{{/* The first part of every object's name; at most 45 characters, so that suffixes fit. */}}
{{- define "realtime-operator.fullname" -}}
{{- $name := include "realtime-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "realtime-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "realtime-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "realtime-operator.podLabels" -}}
{{ include "realtime-operator.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: realtime-operator
{{- end -}}

{{- define "realtime-operator.labels" -}}
{{ include "realtime-operator.podLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "realtime-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Whether the cluster assigns user ids: "true", or nothing. */}}
{{- define "realtime-operator.assignedUserIDs" -}}
{{- if or (eq .Values.assignedUserIDs "Always") (and (eq .Values.assignedUserIDs "Auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end -}}

{{/* The rules of a role in generated/, for the names that this release's objects have: dict "rules" "context". */}}
{{- define "realtime-operator.rules" -}}
{{- $fullname := include "realtime-operator.fullname" .context -}}
{{- range $rule := .rules -}}
{{- if $rule.resourceNames -}}
{{- $names := list -}}
{{- range $rule.resourceNames }}{{ $names = append $names (replace "realtime-operator" $fullname .) }}{{ end -}}
{{- $_ := set $rule "resourceNames" $names -}}
{{- end -}}
{{- end -}}
{{- toYaml .rules -}}
{{- end -}}

{{- define "realtime-operator.podSecurityContext" -}}
runAsNonRoot: true
{{- if not (include "realtime-operator.assignedUserIDs" .) }}
runAsUser: 65532
runAsGroup: 65532
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "realtime-operator.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Of what `helm test` creates. The name is another one, so that no Service and no budget selects the pod. */}}
{{- define "realtime-operator.testLabels" -}}
app.kubernetes.io/name: {{ include "realtime-operator.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
app.kubernetes.io/part-of: realtime-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "realtime-operator.testRights" -}}
helm.sh/hook: test
helm.sh/hook-weight: "0"
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
