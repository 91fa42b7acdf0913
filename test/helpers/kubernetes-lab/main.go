// A whole Kubernetes in one program, which is what it is called by: kube-apiserver, kube-controller-manager, kube-scheduler, kubelet,
// kubectl, and etcd by any other name. One program and not six: what they share is compiled, kept and loaded once.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func commandCalled(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return manager.NewControllerManagerCommand()
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kubelet":
		// Not a context that ends by a signal: the kubelet panics at one, as it has its own.
		return kubelet.NewKubeletCommand(context.Background())
	case "kubectl":
		return kubectl.NewDefaultKubectlCommand()
	}
	return nil
}

func main() {
	command := commandCalled(filepath.Base(os.Args[0]))
	if command == nil {
		etcdmain.Main(os.Args)
		return
	}
	os.Exit(cli.Run(command))
}
