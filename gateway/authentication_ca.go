// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"path/filepath"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// folderOf is the folder of a CA in Options.AuthenticationDir.
func folderOf(ca *v1alpha1.CASource) string {
	if ca.ConfigMapRef != nil {
		return filepath.Join(v1alpha1.AuthenticationConfigMapsDir, ca.ConfigMapRef.Name)
	}
	return ca.SecretRef.Name
}

// authorityOf names a CA, whatever is in it; empty for none.
func authorityOf(ca *v1alpha1.CASource) string {
	if ca == nil {
		return ""
	}
	return folderOf(ca) + "/" + ca.Key
}

// useCA has the authorities of an entry's server trusted, now and when they change. While there are
// none, or these cannot be read, nobody is trusted.
func (a *authentication) useCA(entry *v1alpha1.Authentication, trust func(pem []byte) error) {
	ca := entry.CA()
	if ca == nil {
		return
	}
	set := func(files map[string][]byte) {
		if err := trust(files[ca.Key]); err != nil {
			a.log.Error("the certificates of an authentication cannot be used: its server is not trusted", "entry", entry.Name, "from", authorityOf(ca), "error", err)
		}
	}
	a.useMount(folderOf(ca), set)
}
